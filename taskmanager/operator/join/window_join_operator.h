#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "taskmanager/operator/join/join_keys.h"
#include "taskmanager/operator/join/join_output.h"
#include "taskmanager/operator/join/recent_keys.h"
#include "taskmanager/operator/join/row_log.h"
#include "taskmanager/operator/join/window_join_firing.h"
#include "taskmanager/operator/keyed_operator.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {

/// Joins two streams per tumbling or sliding window of event time.
///
/// Thread:    the task's thread.
/// Shape:     rows wait in a RowLog by slice; when the watermark comes to a window's end, its rows are joined by hash,
///            key group by key group. Late rows are counted.
/// Invariant: a window fires once, in order of window ends; a slice's rows go when its last window has fired.
/// Source:    Flink's window join; Grace hash join.
class WindowJoinOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override {
    return ProcessSide(0, std::move(batch), output);
  }
  absl::Status ProcessSide(int side, batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;
  absl::StatusOr<std::unique_ptr<AsyncSnapshot>> Snapshot(CheckpointId checkpoint) override;
  int64_t state_bytes() const override { return KeyedOperator::state_bytes() + log_.buffer_bytes(); }

 private:
  struct Side {
    JoinKeys keys;
    RowCodec codec;
    bool keeps_null_keys = false;  // they are emitted unmatched
    bool keys_only = false;        // only whether there is a row of that key counts
  };
  void PlanFiring(int64_t watermark);
  void BeginWindow(int64_t end);
  void Touch(int64_t slice_end);

  WindowMath math_;
  batch::KeyGroupRange range_;
  std::array<Side, 2> sides_;
  RecentKeys recent_;
  RowLog log_;
  JoinOutput joined_;
  WindowJoinFiring firing_;
  int64_t watermark_ = batch::kMinTimestamp;  // windows up to here have fired
  int64_t next_fire_ = batch::kMaxTimestamp;  // least window end that has rows
  std::vector<int64_t> to_fire_;              // descending; of the AdvanceWatermark under way
  bool firing_planned_ = false;
};

}  // namespace weir::taskmanager
