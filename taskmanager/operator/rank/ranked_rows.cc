#include "taskmanager/operator/rank/ranked_rows.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"

namespace weir::taskmanager {
namespace {
bool Before(const RankedRow& a, const RankedRow& b) { return a.bytes < b.bytes; }
}  // namespace

bool RankedRows::Parse(std::string_view bytes) {
  rows_.clear();
  if (bytes.empty()) return true;
  ByteReader reader(bytes);
  const auto count = reader.Get<uint32_t>();
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    const auto order = reader.Get<uint32_t>();
    const auto size = reader.Get<uint32_t>();
    if (order > size) return false;
    rows_.push_back({reader.GetRaw(size), order});
  }
  return reader.AtEnd();
}

bool RankedRows::Merge(std::vector<RankedRow> candidates) {
  std::sort(candidates.begin(), candidates.end(), Before);
  std::vector<RankedRow> merged;
  merged.reserve(rows_.size() + candidates.size());
  bool changed = false;
  size_t old = 0, fresh = 0;
  while (old < rows_.size() || fresh < candidates.size()) {
    // Of equal rows the old one goes first: then nothing has changed when the new one falls off the end.
    const bool take_old =
        fresh == candidates.size() || (old < rows_.size() && !Before(candidates[fresh], rows_[old]));
    const RankedRow& next = take_old ? rows_[old] : candidates[fresh];
    const auto taken = static_cast<int64_t>(merged.size());
    if (taken >= limit_ && !(ties_ && next.order() == merged[static_cast<size_t>(limit_) - 1].order())) break;
    if (!take_old) changed = true;
    merged.push_back(next);
    take_old ? ++old : ++fresh;
  }
  if (changed) rows_ = std::move(merged);
  return changed;
}

void RankedRows::Serialize(std::string* out) const {
  out->clear();
  ByteWriter writer(out);
  writer.Put<uint32_t>(static_cast<uint32_t>(rows_.size()));
  for (const RankedRow& row : rows_) {
    writer.Put<uint32_t>(row.order_size);
    writer.Put<uint32_t>(static_cast<uint32_t>(row.bytes.size()));
    out->append(row.bytes);
  }
}

}  // namespace weir::taskmanager
