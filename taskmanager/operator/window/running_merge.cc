#include "taskmanager/operator/window/running_merge.h"

#include <algorithm>
#include <cstring>

namespace weir::taskmanager {
namespace {
constexpr int64_t kSmall = 1024;  // entries that are not worth moving
}  // namespace

RunningMerge::RunningMerge(const Accumulators* accumulators)
    : accumulators_(accumulators), count_offset_(static_cast<size_t>((accumulators->width() + 7) / 8 * 8)) {
  Reset();
}

void RunningMerge::Reset() {
  table_ = std::make_unique<KeyTable>(static_cast<int>(count_offset_) + 8);
  compacted_.reset();
  from_ = to_ = 0;
  dead_ = 0;
}

int64_t RunningMerge::SlicesOf(const std::byte* row) const {
  int64_t n;
  std::memcpy(&n, row + count_offset_, sizeof(n));
  return n;
}

void RunningMerge::AddSlices(std::byte* row, int64_t n) const {
  n += SlicesOf(row);
  std::memcpy(row + count_offset_, &n, sizeof(n));
}

void RunningMerge::Find(const std::vector<std::string_view>& keys) {
  hashes_.resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    hashes_[i] = batch::HashKey(keys[i]);
    table_->Prefetch(hashes_[i]);
  }
}

void RunningMerge::Add(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows) {
  Find(keys);
  for (size_t i = 0; i < keys.size(); ++i) {
    bool inserted = false;
    std::byte* row = table_->row(table_->FindOrInsert(keys[i], hashes_[i], &inserted));
    if (!inserted && SlicesOf(row) == 0) --dead_;
    accumulators_->Merge(rows[i], row, nullptr);
    AddSlices(row, 1);
  }
}

bool RunningMerge::Remove(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows) {
  Find(keys);
  for (size_t i = 0; i < keys.size(); ++i) {
    bool inserted = false;
    std::byte* row = table_->row(table_->FindOrInsert(keys[i], hashes_[i], &inserted));
    if (inserted || !accumulators_->Subtract(rows[i], row)) return false;
    AddSlices(row, -1);
    if (SlicesOf(row) == 0) ++dead_;
  }
  return true;
}

bool RunningMerge::Page(int64_t* cursor, int64_t limit, std::vector<std::string_view>* keys,
                        std::vector<const std::byte*>* rows) const {
  for (; *cursor < table_->size() && static_cast<int64_t>(keys->size()) < limit; ++*cursor) {
    const auto entry = static_cast<uint32_t>(*cursor);
    if (SlicesOf(table_->row(entry)) == 0) continue;
    keys->push_back(table_->key(entry));
    rows->push_back(table_->row(entry));
  }
  return *cursor < table_->size();
}

bool RunningMerge::Compact(int64_t limit) {
  if (compacted_ == nullptr) {
    if (table_->size() < kSmall || dead_ * 2 < table_->size()) return false;
    compacted_ = std::make_unique<KeyTable>(static_cast<int>(count_offset_) + 8);
    compact_cursor_ = 0;
  }
  std::vector<std::string_view> keys;
  std::vector<const std::byte*> rows;
  const bool more = Page(&compact_cursor_, limit, &keys, &rows);
  for (size_t i = 0; i < keys.size(); ++i) {
    std::byte* row = compacted_->row(compacted_->FindOrInsert(keys[i], batch::HashKey(keys[i])));
    std::memcpy(row, rows[i], count_offset_ + 8);
  }
  if (more) return true;
  table_ = std::move(compacted_);
  dead_ = 0;
  return false;
}

}  // namespace weir::taskmanager
