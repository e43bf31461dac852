#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/exchange/local_transport.h"
#include "taskmanager/executor/subtask_builder.h"
#include "tests/support/memory_storage.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/taskmanager/operator/contract/world.h"
#include "tests/unit/taskmanager/operator/operator_harness.h"

namespace weir::taskmanager::contract {

/// What all attempts of a job share.
struct Cluster {
  testing::TemporaryFolder folder;
  std::shared_ptr<tests::MemoryStorage> storage = std::make_shared<tests::MemoryStorage>();
  ManualClock clock;
  int64_t state_memory = int64_t{64} << 20;
  int attempts = 0;
  int64_t checkpoints = 0;
};

/// A completed checkpoint, with what the test has to know of that moment.
struct Completed {
  checkpoint::FileRef manifest;
  size_t events = 0;      // of the world, released
  int64_t late_rows = 0;  // counted so far
};

/// One attempt of a whole job in one thread: its real plan, tasks, operators, state and channels,
/// stepped in an order that a seed decides. Ending it is a crash: only what a checkpoint has
/// completed stays. Thread: confined.
class JobRun {
 public:
  /// Of a job file whose connectors are all `file`. With `refused`: the attempt may not start, and
  /// then nothing but its end may be asked of it.
  JobRun(World* world, Cluster* cluster, const std::string& yaml,
         const std::optional<Completed>& restored, absl::Status* refused = nullptr);
  ~JobRun();

  /// Some random step of some task, or some asynchronous work.
  void StepOne();
  /// Until nobody has anything to do.
  void Settle();
  /// All sources have ended, and nobody has anything to do.
  bool ended() const;

  /// Sends barriers; the checkpoint completes in later steps.
  void Trigger();
  /// Gives up the checkpoint that is under way, if any.
  void Abort();
  /// Triggers and steps until it is complete and all has been committed.
  Completed Checkpoint();
  const std::optional<Completed>& last() const { return last_; }

  /// The least watermark of the subtasks that run an operator.
  int64_t WatermarkOf(const std::string& op) const;
  int64_t late_rows() const;
  int64_t state_bytes() const;
  const plan::ExecutionPlan& plan() const { return *plan_; }

 private:
  struct Subtask;
  void Step(Subtask& subtask);
  bool RunAsync(Subtask& subtask);
  void OnAcknowledge(control::CheckpointAck ack);
  void OnDecline(CheckpointId checkpoint, const absl::Status& reason);

  World* world_;
  Cluster* cluster_;
  std::shared_ptr<const plan::ExecutionPlan> plan_;
  ConnectorRegistry connectors_;
  LocalTransport transport_;
  std::unique_ptr<Deployment> deployment_;
  std::vector<std::unique_ptr<Subtask>> subtasks_;
  std::vector<checkpoint::SourceSplits> splits_;
  std::optional<checkpoint::Manifest> pending_;
  size_t pending_events_ = 0;
  int64_t late_before_ = 0;  // counted by former attempts
  std::optional<Completed> last_;
};

}  // namespace weir::taskmanager::contract
