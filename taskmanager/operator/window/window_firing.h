#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "taskmanager/operator/window/key_table.h"
#include "taskmanager/operator/window/picked_merge.h"
#include "taskmanager/operator/window/slice_pages.h"
#include "taskmanager/operator/window/sliding_merge.h"
#include "taskmanager/operator/window/window_results.h"
#include "taskmanager/operator/window/window_state.h"

namespace weir::taskmanager {

/// Emits the result of one window, a page a step.
///
/// Thread:  the task's thread. State must not change between Begin and the last Step.
/// Why:     a tumbling window without side tables is emitted as its slice lies; all others are merged in memory first, and
///          where the aggregates allow it the merge goes on from window to window (SlidingMerge). A few keys are looked up.
class WindowFiring {
 public:
  void Open(const OperatorContext& context, const Accumulators* accumulators, WindowState* state, WindowMath math);

  /// `only`: nothing else than these keys (a late window's changed ones); absent: all.
  void Begin(int64_t window_end, std::optional<std::set<std::string>> only = std::nullopt);
  bool active() const { return active_; }
  /// Rows have come for these keys in the slice.
  void OnChanged(int64_t slice_end, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows) {
    if (sliding_ != nullptr) sliding_->OnChanged(slice_end, keys, rows);
  }
  int64_t window_end() const { return window_end_; }
  absl::Status Step(Output& output);

 private:
  void BeginMerge();
  absl::Status StepDirect(Output& output);
  absl::Status StepSliding(Output& output);
  absl::Status StepPicked(Output& output);
  absl::Status StepMerge(Output& output);
  absl::Status MergePage();
  absl::Status EmitPage(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows,
                        const batch::StringArena* arena, Output& output);

  WindowResults results_;
  const Accumulators* accumulators_ = nullptr;
  WindowState* state_ = nullptr;
  WindowMath math_;
  bool has_texts_ = false, has_distinct_ = false;

  bool active_ = false;
  int64_t window_end_ = 0;
  std::optional<std::set<std::string>> only_;
  enum class Way {
    kDirect,   // as the slice lies
    kSliding,  // going on from the window before
    kPicked,   // `only_`, looked up
    kMerge,    // all slices
  } way_ = Way::kMerge;
  SlicePages pages_;  // kDirect, kMerge
  std::unique_ptr<SlidingMerge> sliding_;  // null: the window or its aggregates do not allow it
  PickedMerge picked_;
  std::set<std::string>::const_iterator next_picked_;
  // kMerge.
  std::unique_ptr<KeyTable> merged_;
  std::vector<std::unique_ptr<KeyTable>> distinct_;  // by aggregate: (key, value) pairs seen
  batch::StringArena arena_;
  int64_t emitted_ = 0;
};

}  // namespace weir::taskmanager
