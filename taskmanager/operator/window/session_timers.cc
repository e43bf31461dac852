#include "taskmanager/operator/window/session_timers.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {
namespace {
constexpr int64_t kScanPage = 4096;
}  // namespace

absl::Status SessionTimers::Open(KeyedState& state, int64_t width) {
  width_ = std::max<int64_t>(1, width);
  ASSIGN_OR_RETURN(table_, state.OpenTable({kTable, 0, false}));
  return absl::OkStatus();
}

int64_t SessionTimers::BucketOf(int64_t due) const { return WindowMath::FloorTo(due, width_) + width_; }

absl::Status SessionTimers::Note(int64_t bucket, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows) {
  if (rows.empty()) return absl::OkStatus();
  slots_.resize(rows.size());
  if (!IsOpen(bucket)) next_ = std::min(next_, bucket - width_);
  return table_->Open(bucket).FindOrInsert(keys, nullptr, rows.data(), static_cast<int64_t>(rows.size()), slots_.data(),
                                           nullptr);
}

void SessionTimers::Push(int64_t due, std::string_view key) {
  heap_.push_back({due, std::string(key), false});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

bool SessionTimers::HasWork(int64_t watermark) {
  return !loaded_.empty() || (!heap_.empty() && heap_.front().at <= watermark) || next_ <= watermark ||
         (has_open_ && open_ <= watermark);
}

absl::Status SessionTimers::Load(int64_t bucket) {
  has_open_ = true;
  open_ = bucket;
  NamespaceTable* table = table_->Find(bucket);
  if (table == nullptr) return absl::OkStatus();
  uint64_t cursor = 0;
  NamespaceTable::Page page;
  do {
    RETURN_IF_ERROR(table->Scan(&cursor, kScanPage, &page));
    for (const std::string_view key : page.keys) loaded_.emplace_back(key);
  } while (!page.last);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<SessionTimers::Due>> SessionTimers::Pop(int64_t watermark, size_t limit) {
  std::vector<Due> due;
  for (;;) {
    while (!loaded_.empty() && due.size() < limit) {
      due.push_back({open_ - width_, std::move(loaded_.back()), true});
      loaded_.pop_back();
    }
    if (!due.empty()) return due;
    while (!heap_.empty() && heap_.front().at <= watermark && due.size() < limit) {
      std::pop_heap(heap_.begin(), heap_.end(), Later);
      due.push_back(std::move(heap_.back()));
      heap_.pop_back();
    }
    if (!due.empty()) return due;
    if (has_open_ && open_ <= watermark) {
      table_->Drop(open_);
      has_open_ = false;
    }
    if (next_ > watermark || has_open_) return due;
    const std::vector<NamespaceId> buckets = table_->Namespaces();
    next_ = batch::kMaxTimestamp;
    if (buckets.empty()) return due;
    if (buckets[0] - width_ > watermark) {
      next_ = buckets[0] - width_;
      return due;
    }
    RETURN_IF_ERROR(Load(buckets[0]));
    if (buckets.size() > 1) next_ = buckets[1] - width_;
  }
}

}  // namespace weir::taskmanager
