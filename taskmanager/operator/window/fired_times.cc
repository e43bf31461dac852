#include "taskmanager/operator/window/fired_times.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

constexpr int64_t kPageRows = 1024;

class KeptSnapshot final : public AsyncSnapshot {
 public:
  KeptSnapshot(int64_t fired, std::unique_ptr<AsyncSnapshot> inner) : fired_(fired), inner_(std::move(inner)) {}
  absl::StatusOr<checkpoint::OperatorSnapshot> Run() override {
    ASSIGN_OR_RETURN(checkpoint::OperatorSnapshot snapshot, inner_->Run());
    ByteWriter(&snapshot.bytes).Put<int64_t>(fired_);
    return snapshot;
  }
  int64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  int64_t fired_;
  std::unique_ptr<AsyncSnapshot> inner_;
};

}  // namespace

std::unique_ptr<AsyncSnapshot> FiredTimes::Keep(int64_t fired, std::unique_ptr<AsyncSnapshot> snapshot) {
  return std::make_unique<KeptSnapshot>(fired, std::move(snapshot));
}

absl::Status FiredTimes::Open(const OperatorContext& context) {
  max_parallelism_ = context.max_parallelism;
  for (const checkpoint::OperatorSnapshot& snapshot : context.restored) {
    if (snapshot.keyed.empty()) continue;
    ByteReader in(snapshot.bytes);
    const auto fired = in.Get<int64_t>();
    if (!in.ok()) {
      return absl::DataLossError(absl::StrCat(context.plan->name, ": the checkpoint does not say which windows fired"));
    }
    parts_.push_back({snapshot.keyed[0].range, fired});
    latest_ = std::max(latest_, fired);
  }
  return absl::OkStatus();
}

absl::Status FiredTimes::FindMissed(KeyedTable& main, const WindowMath& math) {
  for (const NamespaceId slice : main.Namespaces()) {
    const int64_t last = std::min(math.LastWindowEnd(slice), latest_);
    if (math.FirstWindowEnd(slice) > last) continue;
    NamespaceTable& table = main.Open(slice);
    NamespaceTable::Page page;
    for (uint64_t cursor = 0; !page.last;) {
      RETURN_IF_ERROR(table.Scan(&cursor, kPageRows, &page));
      for (const std::string_view key : page.keys) {
        const int group = batch::KeyGroupOf(batch::HashKey(key), max_parallelism_);
        const auto part =
            std::find_if(parts_.begin(), parts_.end(), [&](const Part& one) { return one.range.Contains(group); });
        const int64_t fired = part == parts_.end() ? latest_ : part->fired;
        for (int64_t end = math.FirstWindowEnd(slice); end <= last; end += math.slide) {
          if (end > fired) missed_[end].emplace(key);
        }
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
