#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/connector/source_reader.h"
#include "taskmanager/operator/operator.h"
#include "taskmanager/operator/split_watermarks.h"

namespace weir::taskmanager {

/// Head of a source task: runs a connector's reader, gives rows their event times, keeps the watermark, holds to `rate`.
///
/// Thread:  the task's thread.
/// Order:   Assign (again with a list that has grown, before the first Poll), then Poll, Snapshot, OnCheckpointComplete.
class SourceOperator {
 public:
  struct Options {
    const plan::PlanOperator* plan = nullptr;
    const job::Node* node = nullptr;
    int32_t subtask = 0;
    int32_t parallelism = 1;
    const Clock* clock = nullptr;
    OperatorCounters* counters = nullptr;
  };
  SourceOperator(Options options, std::unique_ptr<SourceReader> reader);

  /// The splits of this subtask (index mod parallelism) with what was read of them. Those it has already stay as they are.
  absl::Status Assign(const std::vector<checkpoint::SourceSplits::Split>& splits,
                      const std::map<int32_t, checkpoint::SplitState>& restored);

  struct PollResult {
    enum class Kind { kRows, kWait, kEnded } kind = Kind::kWait;
    SteadyMicros retry_at = 0;  // kWait: not before; 0: only when woken
  };
  /// Reads at most one batch and emits it. kEnded: all is read (again and again).
  absl::StatusOr<PollResult> Poll(Output& output);
  /// kMaxTimestamp after the end; kIdleWatermark when idle.
  int64_t Watermark();
  bool ended() const { return ended_; }
  /// Rows that are there and not read yet; -1: not known.
  int64_t Lag() const { return reader_->Lag(); }

  checkpoint::OperatorSnapshot Snapshot(CheckpointId checkpoint);
  void OnCheckpointComplete(CheckpointId checkpoint) { reader_->OnCheckpointComplete(checkpoint); }

 private:
  absl::Status SetEventTimes(batch::Batch* batch, int32_t split);
  /// Rows that `rate` allows now; 0 sets `*retry_at`.
  int64_t Allowance(SteadyMicros now, SteadyMicros* retry_at);

  Options options_;
  std::unique_ptr<SourceReader> reader_;
  SplitWatermarks watermarks_;
  int time_column_ = -1;
  bool ended_ = false;
  std::map<int32_t, bool> splits_;                          // mine: index -> ended
  std::map<int32_t, checkpoint::SplitState> ended_before_;  // of the restored checkpoint, already ended
  double tokens_ = 0;
  SteadyMicros refilled_at_ = 0;
};

}  // namespace weir::taskmanager
