#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/batch/batch.h"
#include "common/checkpoint/snapshot.h"
#include "common/plan/plan.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Output ports of an operator; a port nobody reads is counted and dropped.
enum Port : int { kMainPort = 0, kLatePort = 1, kErrorsPort = 2 };

/// Where an operator puts its rows: the operators chained behind it run inside Emit; what crosses an exchange is put
/// into channels. Never blocks. Thread: the task's thread.
class Output {
 public:
  virtual ~Output() = default;
  virtual absl::Status Emit(int port, batch::Batch batch) = 0;
};

/// Whether a resumable step is through.
enum class Progress { kDone, kMore };

/// Counters of an operator: a plain struct of the task's thread, which the task publishes between steps.
struct OperatorCounters {
  int64_t rows_in = 0, rows_out = 0, bytes_in = 0, bytes_out = 0;
  int64_t skipped_rows = 0, late_rows = 0, error_rows = 0;
};

/// What an operator is opened with. References outlive the operator.
struct OperatorContext {
  const plan::PlanOperator* plan = nullptr;
  const plan::ExecutionPlan* execution_plan = nullptr;
  JobId job;
  std::string job_name;
  Attempt attempt;
  SubtaskId subtask;
  int32_t parallelism = 1;
  int32_t max_parallelism = 128;
  bool exactly_once = true;
  KeyedState* state = nullptr;  // stateful operators only
  /// What the operator's former subtasks had, those that concern this subtask. Empty: first start.
  std::vector<checkpoint::OperatorSnapshot> restored;
  bool is_restore = false;
  /// Minimum of the watermarks of the former subtasks.
  int64_t restored_watermark = batch::kMinTimestamp;
  const Clock* clock = nullptr;
  /// Wakes the task from any thread.
  std::function<void()> wake;
  OperatorCounters* counters = nullptr;
};

/// The asynchronous part of an operator's snapshot. Run on a pool thread, for each subtask in barrier order.
class AsyncSnapshot {
 public:
  virtual ~AsyncSnapshot() = default;
  virtual absl::StatusOr<checkpoint::OperatorSnapshot> Run() = 0;
  virtual int64_t bytes_written() const { return 0; }
};

/// One step of a chain: takes batches, emits batches.
///
/// Thread:  the task's thread, except what AsyncSnapshot does.
/// Order:   Open; then Process, AdvanceWatermark, Drain, OnTimer, Snapshot, OnCheckpoint… in any order; then the destructor.
/// Errors:  kInvalidArgument = the user's data or expression (not retried); anything else fails the attempt.
/// Source:  Flink's StreamOperator; resumable steps instead of blocking ones.
class Operator {
 public:
  virtual ~Operator() = default;

  virtual absl::Status Open(const OperatorContext& context) = 0;
  virtual absl::Status Process(batch::Batch batch, Output& output) = 0;
  /// A batch of a join's left (0) or right (1) input; of all others side 0 is the only one.
  virtual absl::Status ProcessSide(int side, batch::Batch batch, Output& output) {
    return Process(std::move(batch), output);
  }
  /// The watermark of the input has come to `watermark`. Called again with the same value until kDone; each call emits
  /// a bounded amount. Only then does the watermark go on to the next operator.
  virtual absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) { return Progress::kDone; }
  /// Before a barrier: emit what is held back (partial aggregates). Called until kDone.
  virtual absl::StatusOr<Progress> Drain(Output& output) { return Progress::kDone; }
  /// Called when the task has nothing else to do: emit or flush what should not wait longer.
  virtual absl::Status OnIdle(Output& output) { return absl::OkStatus(); }
  /// When OnTimer wants to be called; 0: not at all. Asked between steps.
  virtual SteadyMicros next_timer() const { return 0; }
  /// That time has come, by the context's clock. Called again until kDone; each call emits a bounded amount. Nothing
  /// else comes in between.
  virtual absl::StatusOr<Progress> OnTimer(SteadyMicros now, Output& output) { return Progress::kDone; }
  /// Whether Snapshot has what it needs. While not, the task takes no input; woken, it asks again, and after a while it
  /// declines the checkpoint.
  virtual bool ReadyToSnapshot() const { return true; }
  /// The synchronous part at barrier `checkpoint`. Null: nothing to keep. No I/O.
  virtual absl::StatusOr<std::unique_ptr<AsyncSnapshot>> Snapshot(CheckpointId checkpoint) { return nullptr; }
  /// What Snapshot left to be copied: a bounded piece of it. Called between other calls until kDone, and only then is the
  /// AsyncSnapshot run; before the next Snapshot, too.
  virtual Progress ContinueSnapshot() { return Progress::kDone; }
  virtual void OnCheckpointComplete(CheckpointId checkpoint) {}
  virtual void OnCheckpointAborted(CheckpointId checkpoint) {}
  /// Bytes of keyed state in memory.
  virtual int64_t state_bytes() const { return 0; }
};

using OperatorPtr = std::unique_ptr<Operator>;

}  // namespace weir::taskmanager
