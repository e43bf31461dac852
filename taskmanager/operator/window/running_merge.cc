#include "taskmanager/operator/window/running_merge.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {
constexpr int64_t kSmall = 1024;  // entries that are not worth moving
}  // namespace

RunningMerge::RunningMerge(const Accumulators* accumulators, WindowState* state, WindowMath math)
    : SlidingMerge(accumulators, state, math), count_offset_(static_cast<size_t>((accumulators->width() + 7) / 8 * 8)) {
  RunningMerge::Reset();
}

void RunningMerge::Reset() {
  SlidingMerge::Reset();
  table_ = std::make_unique<KeyTable>(static_cast<int>(count_offset_) + 8);
  compacted_.reset();
  dead_ = 0;
}

bool RunningMerge::Begin(int64_t window_end) {
  window_end_ = window_end;
  const int64_t begin = window_end - math_.size;
  // What was to leave has left: goes on only from the window right before, or one that had the same beginning.
  if (from_ != begin || to_ <= begin || to_ > window_end) {
    Reset();
    from_ = to_ = begin;
  }
  pages_.Clear();
  for (int64_t slice = to_ + math_.slice; slice <= window_end; slice += math_.slice) pages_.Add(slice);
  emitted_ = 0;
  phase_ = Phase::kMend;
  return true;
}

absl::StatusOr<SlidingMerge::Result> RunningMerge::Step(Page* page) {
  switch (phase_) {
    case Phase::kMend:
      if (stale_.empty()) {
        phase_ = Phase::kEnter;
      } else {
        RETURN_IF_ERROR(Mend());
      }
      return Result::kMore;
    case Phase::kEmit:
      if (Living(&emitted_, page)) return Result::kMore;
      // Now, while the slices that leave are still there.
      pages_.Clear();
      for (int64_t slice = from_ + math_.slice; slice <= from_ + math_.slide; slice += math_.slice) pages_.Add(slice);
      phase_ = Phase::kLeave;
      return Result::kMore;
    case Phase::kCompact:
      return Compact() ? Result::kMore : Result::kDone;
    case Phase::kEnter:
    case Phase::kLeave:
      break;
  }
  if (pages_.done()) {
    if (phase_ == Phase::kEnter) {
      to_ = window_end_;
      phase_ = Phase::kEmit;
    } else {
      from_ += math_.slide;
      phase_ = Phase::kCompact;
    }
    return Result::kMore;
  }
  NamespaceTable::Page entries;
  SlicePages::Table of;
  RETURN_IF_ERROR(pages_.Next(&entries, &of));
  if (phase_ == Phase::kEnter) {
    Add(entries);
  } else if (!Remove(entries)) {
    Reset();
    return Result::kDone;
  }
  return Result::kMore;
}

absl::Status RunningMerge::Mend() {
  std::vector<std::string_view> keys;
  auto it = stale_.begin();
  for (; it != stale_.end() && keys.size() < batch::Batch::kMaxRows; ++it) keys.push_back(*it);
  RETURN_IF_ERROR(picked_.Merge(keys, from_, to_));
  table_->HashAll(keys, &hashes_);
  for (size_t i = 0; i < keys.size(); ++i) {
    bool inserted = false;
    std::byte* row = table_->row(table_->FindOrInsert(keys[i], hashes_[i], &inserted));
    if (!inserted && SlicesOf(row) == 0) --dead_;
    std::memcpy(row, picked_.row(i), count_offset_);
    SetSlices(row, picked_.slices(i));
    if (picked_.slices(i) == 0) ++dead_;
  }
  stale_.erase(stale_.begin(), it);
  return absl::OkStatus();
}

int64_t RunningMerge::SlicesOf(const std::byte* row) const {
  int64_t n;
  std::memcpy(&n, row + count_offset_, sizeof(n));
  return n;
}

void RunningMerge::SetSlices(std::byte* row, int64_t n) const { std::memcpy(row + count_offset_, &n, sizeof(n)); }

void RunningMerge::Add(const NamespaceTable::Page& page) {
  table_->HashAll(page.keys, &hashes_);
  for (size_t i = 0; i < page.keys.size(); ++i) {
    bool inserted = false;
    std::byte* row = table_->row(table_->FindOrInsert(page.keys[i], hashes_[i], &inserted));
    if (!inserted && SlicesOf(row) == 0) --dead_;
    accumulators_->Merge(page.values[i], row, nullptr);
    SetSlices(row, SlicesOf(row) + 1);
  }
}

bool RunningMerge::Remove(const NamespaceTable::Page& page) {
  table_->HashAll(page.keys, &hashes_);
  for (size_t i = 0; i < page.keys.size(); ++i) {
    bool inserted = false;
    std::byte* row = table_->row(table_->FindOrInsert(page.keys[i], hashes_[i], &inserted));
    if (inserted || !accumulators_->Subtract(page.values[i], row)) return false;
    SetSlices(row, SlicesOf(row) - 1);
    if (SlicesOf(row) == 0) ++dead_;
  }
  return true;
}

bool RunningMerge::Living(int64_t* cursor, Page* page) const {
  for (; *cursor < table_->size() && page->keys.size() < batch::Batch::kMaxRows; ++*cursor) {
    const auto entry = static_cast<uint32_t>(*cursor);
    if (SlicesOf(table_->row(entry)) == 0) continue;
    page->keys.push_back(table_->key(entry));
    page->rows.push_back(table_->row(entry));
  }
  return *cursor < table_->size();
}

bool RunningMerge::Compact() {
  if (compacted_ == nullptr) {
    if (table_->size() < kSmall || dead_ * 2 < table_->size()) return false;
    compacted_ = std::make_unique<KeyTable>(static_cast<int>(count_offset_) + 8);
    compact_cursor_ = 0;
  }
  Page page;
  const bool more = Living(&compact_cursor_, &page);
  for (size_t i = 0; i < page.keys.size(); ++i) {
    std::byte* row = compacted_->row(compacted_->FindOrInsert(page.keys[i], batch::HashKey(page.keys[i])));
    std::memcpy(row, page.rows[i], count_offset_ + 8);
  }
  if (more) return true;
  table_ = std::move(compacted_);
  dead_ = 0;
  return false;
}

}  // namespace weir::taskmanager
