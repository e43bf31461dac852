#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/control/messages.h"
#include "common/plan/plan.h"
#include "taskmanager/exchange/channel.h"
#include "taskmanager/operator/operator.h"
#include "taskmanager/operator/source_operator.h"
#include "taskmanager/task/barrier_aligner.h"
#include "taskmanager/task/operator_chain.h"

namespace weir::taskmanager {

/// What a task tells its TaskManager. Thread: any; calls do not block. Fences are the TaskManager's to fill in.
class TaskEvents {
 public:
  virtual ~TaskEvents() = default;
  virtual void OnSourceEnded() = 0;
  /// On the task's thread, before the asynchronous part begins.
  virtual void OnSnapshotTaken() {}
  virtual void OnAcknowledge(control::CheckpointAck ack) = 0;
  virtual void OnDecline(CheckpointId checkpoint, absl::Status reason, bool storage_failed) = 0;
  virtual void OnCommitted(CheckpointId checkpoint) = 0;
  /// Asynchronous work failed in a way that ends the attempt.
  virtual void OnAsyncFailure(absl::Status error) = 0;
};

/// One input of a task: a channel of an edge, with what its batches look like.
struct TaskInput {
  std::shared_ptr<InputChannel> channel;
  batch::SchemaPtr schema;
  int side = 0;  // plan::Edge::to_side
};

/// A subtask's work: takes rows from its source or its channels through its operators to its edges, keeps watermarks,
/// aligns barriers and takes snapshots.
///
/// Thread:    confined to one thread, except Run in the serial queue. Step never blocks.
/// Order:     Start once; then Step, and Trigger, Complete, Abort between steps.
/// Errors:    of any call end the attempt: kInvalidArgument = the user's (not retried).
/// Invariant: between the snapshot and the barrier sent on, no row is processed (one uninterrupted step).
/// Source:    design.md 5 and 9; Flink's StreamTask with its mailbox.
class Task {
 public:
  struct Options {
    SubtaskId subtask;
    const plan::ExecutionPlan* plan = nullptr;
    const plan::Task* task = nullptr;
    const Clock* clock = nullptr;
    bool exactly_once = true;
    int64_t checkpoint_timeout_micros = 0;
    OperatorCounters* counters = nullptr;
    TaskEvents* events = nullptr;
    /// The subtask's serial queue of asynchronous work.
    std::function<void(std::function<void()>)> run_async;
  };
  /// `source` null: the task has `inputs`. `restored_watermark`: what its operators had processed.
  Task(Options options, std::unique_ptr<SourceOperator> source, std::vector<OperatorPtr> operators,
       std::vector<TaskInput> inputs, int64_t restored_watermark);
  ~Task();

  /// Connects the outputs; rows may flow.
  void Start(std::vector<std::unique_ptr<EdgeWriter>> writers);

  struct StepResult {
    enum class Kind { kWorked, kWaitInput, kWaitOutput } kind = Kind::kWorked;
    /// For the waits: also not later than; 0: only when woken.
    SteadyMicros until = 0;
  };
  absl::StatusOr<StepResult> Step();

  /// Source tasks: inject barrier `checkpoint`. One that is not newer than the last is old news, and so is a completion
  /// that is older than the last.
  void Trigger(CheckpointId checkpoint);
  void Complete(CheckpointId checkpoint);
  absl::Status Abort(CheckpointId checkpoint);
  /// A new leader: as Complete(complete), and Abort of everything else below `next`, also of what has not come yet.
  absl::Status Adopt(CheckpointId complete, CheckpointId next);

  int64_t watermark() const { return chain_.watermark(); }
  /// Rows that the source has not read yet; -1: not known.
  int64_t lag() const { return source_ != nullptr ? source_->Lag() : -1; }
  int64_t state_bytes() const { return chain_.state_bytes(); }
  /// Called by the task's sinks from the serial queue.
  void OnSinkCommitted(CheckpointId checkpoint, absl::Status status);

 private:
  struct Input {
    TaskInput input;
    int64_t watermark = batch::kMinTimestamp;
    bool idle = false;
  };
  absl::StatusOr<StepResult> Work(SteadyMicros now);
  absl::StatusOr<StepResult> StepSource(SteadyMicros now);
  absl::StatusOr<StepResult> StepInputs(SteadyMicros now);
  absl::Status OnElement(int channel, Element element, SteadyMicros now);
  absl::Status OnWatermark(int channel, int64_t watermark);
  absl::StatusOr<StepResult> Idle(SteadyMicros now, SteadyMicros until);
  // task_checkpoint.cc
  absl::Status Apply(const BarrierAligner::Actions& actions, const char* why);
  absl::Status ExpireAlignments(SteadyMicros now);
  absl::Status CancelDownstream(CheckpointId checkpoint);
  /// Drained: takes the snapshot, or waits for what an operator lacks for it, or declines.
  absl::StatusOr<StepResult> Seal(SteadyMicros now);
  absl::Status TakeSnapshot(CheckpointId checkpoint);
  /// A piece of what the last snapshot left to be copied; the last piece queues the asynchronous part.
  void ContinueSnapshot();

  Options options_;
  std::unique_ptr<SourceOperator> source_;
  OperatorChain chain_;
  std::vector<Input> inputs_;
  BarrierAligner aligner_;
  size_t next_input_ = 0;
  bool source_end_said_ = false;
  bool idle_said_ = false;
  bool was_idle_ = false;
  CheckpointId triggered_{-1}, completed_{-1};  // the newest
  std::deque<CheckpointId> due_;             // barriers to snapshot, in order
  std::optional<CheckpointId> draining_for_;  // until its snapshot is taken
  std::function<void()> when_copied_;         // the asynchronous part of a snapshot that is being copied
  SteadyMicros seal_by_ = 0;                  // drained and waiting for an operator: declined then; 0: not waiting
  int sink_count_ = 0;
  // Serial queue only: sinks that have confirmed the newest completed checkpoint.
  CheckpointId confirming_{0};
  int confirmed_sinks_ = 0;
  /// Serial queue only: the asynchronous part of a snapshot failed. Shared with what is in the queue.
  const std::shared_ptr<bool> async_failed_ = std::make_shared<bool>(false);
};

}  // namespace weir::taskmanager
