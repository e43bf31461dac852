#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "taskmanager/operator/keyed_operator.h"
#include "taskmanager/operator/window/accumulators.h"
#include "taskmanager/operator/window/fired_times.h"
#include "taskmanager/operator/window/window_firing.h"
#include "taskmanager/operator/window/window_rows.h"
#include "taskmanager/operator/window/window_state.h"

namespace weir::taskmanager {

/// Aggregates rows, or the partials of LocalAggregateOperator, per key and tumbling or sliding window. In processing time a
/// row counts when it comes, and a timer fires; the watermark says then only that the input has ended.
///
/// Thread:    the task's thread.
/// Shape:     in: the node's input, or plan::WireSchema. Out: keys, window_start, window_end, aggregates, in order of window
///            end. Late port: the input's rows.
/// Invariant: a window fires once, when the watermark comes to its end; again only for rows within allowed_lateness.
/// Source:    slices as in Scotty (Traub et al. 2019) and Flink's slice-shared window aggregation.
class WindowAggregateOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;
  SteadyMicros next_timer() const override { return timer_; }
  absl::StatusOr<Progress> OnTimer(SteadyMicros now, Output& output) override;
  absl::StatusOr<Progress> Drain(Output& output) override;
  absl::StatusOr<std::unique_ptr<AsyncSnapshot>> Snapshot(CheckpointId checkpoint) override;

 private:
  absl::Status ProcessPartials(const batch::Batch& batch, Output& output);
  absl::Status UpdateRows(const batch::Batch& batch, const WindowRows::SliceRows& part);
  /// Calls add(first, count) with piece after piece of `rows`, `targets_` being the main rows of its keys: they are valid until
  /// any table's next FindOrInsert.
  template <typename Add>
  absl::Status ForTargets(int64_t slice_end, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows, Add add);
  /// `new_values_[a]` becomes the places in `rows` of values not seen before.
  absl::Status UpdateDistinct(int a, int64_t slice_end, const std::vector<uint32_t>& rows);
  absl::Status UpdateTexts(int a, int64_t slice_end, const batch::KeyBatch& keys, const batch::Column& values,
                           const uint8_t* filter, const std::vector<uint32_t>& rows);
  /// Emits again the windows of the slice that have fired and still count.
  absl::Status FireAgain(int64_t slice_end, const batch::KeyBatch& keys, const std::vector<uint32_t>& rows,
                         Output& output);
  /// Something is in the slice.
  void Touch(int64_t slice_end);
  void SetTimer();
  /// Fires the windows that end by `watermark`, a page a call.
  absl::StatusOr<Progress> FireUpTo(int64_t watermark, Output& output);
  /// What other former subtasks had fired and ours had not.
  absl::Status FireMissed(Output& output);
  void PlanFiring(int64_t watermark);
  void Close(NamespaceId slice);

  std::unique_ptr<Accumulators> accumulators_;
  WindowMath math_;
  WindowState state_;
  WindowRows rows_;
  WindowFiring firing_;
  int key_count_ = 0;
  int64_t watermark_ = batch::kMinTimestamp;   // windows up to here have fired
  int64_t next_fire_ = batch::kMaxTimestamp;   // least window end that has something to emit
  std::vector<int64_t> to_fire_;               // descending; of the AdvanceWatermark under way
  bool firing_planned_ = false;
  bool processing_time_ = false;
  FiredTimes fired_times_;  // processing time only
  SteadyMicros timer_ = 0;  // of `next_fire_`, in processing time
  int64_t firing_to_ = 0;   // of the OnTimer under way
  // Scratch.
  batch::KeyBatch keys_;
  std::vector<uint32_t> slots_;
  std::vector<std::byte*> targets_;
  std::vector<std::vector<uint32_t>> new_values_;  // by aggregate
  std::vector<int> partial_columns_;               // by aggregate: its first column of a batch of partials
  std::vector<WindowRows::SliceRows> partial_slices_;
};

}  // namespace weir::taskmanager
