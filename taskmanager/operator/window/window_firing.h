#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "taskmanager/operator/window/key_table.h"
#include "taskmanager/operator/window/running_merge.h"
#include "taskmanager/operator/window/window_results.h"
#include "taskmanager/operator/window/window_state.h"

namespace weir::taskmanager {

/// Emits the result of one window, a page a step.
///
/// Thread:  the task's thread. State must not change between Begin and the last Step.
/// Why:     a tumbling window without side tables is emitted as its slice lies; all others are merged in memory first, and
///          where the aggregates allow it the merge goes on from window to window (RunningMerge).
class WindowFiring {
 public:
  void Open(const OperatorContext& context, const Accumulators* accumulators, WindowState* state, WindowMath math);

  /// `only`: nothing else than these keys (a late window's changed ones); absent: all.
  void Begin(int64_t window_end, std::optional<std::set<std::string>> only = std::nullopt);
  bool active() const { return active_; }
  /// Rows have come for the slice.
  void OnChanged(int64_t slice_end) {
    if (running_ != nullptr && slice_end <= running_->to() && slice_end > running_->from()) running_->Reset();
  }
  int64_t window_end() const { return window_end_; }
  absl::Status Step(Output& output);

 private:
  /// What is scanned, one after another, when merging.
  struct Scan {
    NamespaceTable* table;
    enum class Kind { kMain, kText, kDistinct } kind;
    int aggregate;
  };
  /// The slices in (from, to] are to be scanned.
  void ScanMain(int64_t from, int64_t to);
  absl::Status MergePage();
  void BeginRunning();
  absl::Status StepRunning(Output& output);
  absl::Status EmitPage(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows,
                        const batch::StringArena* arena, Output& output);

  WindowResults results_;
  const Accumulators* accumulators_ = nullptr;
  WindowState* state_ = nullptr;
  WindowMath math_;

  bool active_ = false;
  bool direct_ = false;
  int64_t window_end_ = 0;
  std::optional<std::set<std::string>> only_;
  std::vector<Scan> scans_;
  size_t scan_ = 0;
  uint64_t cursor_ = 0;
  std::unique_ptr<KeyTable> merged_;
  std::vector<std::unique_ptr<KeyTable>> distinct_;  // by aggregate: (key, value) pairs seen
  batch::StringArena arena_;
  int64_t emitted_ = 0;
  std::unique_ptr<RunningMerge> running_;  // null: the window or its aggregates do not allow it
  enum class Phase { kEnter, kEmit, kLeave, kCompact } phase_ = Phase::kEnter;
  bool run_ = false;
};

}  // namespace weir::taskmanager
