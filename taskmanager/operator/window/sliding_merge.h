#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/batch/key.h"
#include "taskmanager/operator/window/accumulators.h"
#include "taskmanager/operator/window/picked_merge.h"
#include "taskmanager/operator/window/slice_pages.h"
#include "taskmanager/operator/window/window_math.h"
#include "taskmanager/operator/window/window_state.h"

namespace weir::taskmanager {

/// The merged slices of a sliding window, kept from one firing to the next, so that a firing does not cost all of them.
///
/// Thread:     the task's thread. State must not change between Begin and the last Step.
/// Invariant:  gives what merging all slices of the window, oldest first, would give.
/// Why:        not state: it is made again from the slices after a restore. Keys that rows have come for in slices that are
///             merged already are stale: they are looked up; when they are many, all is made again.
class SlidingMerge {
 public:
  SlidingMerge(const Accumulators* accumulators, WindowState* state, WindowMath math);
  virtual ~SlidingMerge() = default;

  /// False: not now, merge without it.
  virtual bool Begin(int64_t window_end) = 0;
  struct Page {
    std::vector<std::string_view> keys;
    std::vector<const std::byte*> rows;
    const batch::StringArena* arena = nullptr;  // of texts
  };
  enum class Result { kMore, kDone, kGivenUp };
  /// Some work. `page`, empty before, becomes what is to be emitted, valid until the next call. kGivenUp: nothing of the
  /// window was emitted, and it must be merged without this.
  virtual absl::StatusOr<Result> Step(Page* page) = 0;
  /// Rows have come for these keys in the slice.
  void OnChanged(int64_t slice_end, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows);

 protected:
  /// Nothing is merged.
  virtual void Reset();
  virtual int64_t keys() const = 0;
  bool IsStale(std::string_view key) const { return !stale_.empty() && stale_.contains(key); }

  const Accumulators* const accumulators_;
  WindowState* const state_;
  const WindowMath math_;
  PickedMerge picked_;
  SlicePages pages_;
  int64_t from_ = 0, to_ = 0;  // ends of the slices that are merged: (from, to]
  int64_t window_end_ = 0;     // of the firing under way
  std::set<std::string, std::less<>> stale_;
};

}  // namespace weir::taskmanager
