#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "common/runtime/sync.h"
#include "taskmanager/executor/deployment.h"
#include "taskmanager/executor/subtask_builder.h"
#include "taskmanager/task/task.h"

namespace weir::taskmanager {

/// One subtask of an attempt with its thread: restores, waits for the start, then steps its task, control mail first.
///
/// Thread:  the public calls are thread-safe; the task is touched by its own thread only.
/// Order:   made (its channels are registered), Start, mail, Cancel, Join.
/// Source:  Flink's mailbox model.
class Subtask final : private TaskEvents {
 public:
  struct AssignSplits { std::vector<checkpoint::SourceSplits> sources; };
  struct Sweep { Attempt keep_from; };
  struct StartRunning {};
  struct Trigger { CheckpointId checkpoint; };
  struct Complete { CheckpointId checkpoint; };
  struct Abort { CheckpointId checkpoint; };
  /// A new leader: commit up to `complete`; whatever else is under way below `next` is given up.
  struct Adopt { CheckpointId complete, next; };
  using Mail = std::variant<AssignSplits, Sweep, StartRunning, Trigger, Complete, Abort, Adopt>;

  Subtask(std::shared_ptr<const Deployment> deployment, SubtaskId id);
  ~Subtask() override;

  void Start();
  void Post(Mail mail);
  /// Ends it soon; nothing is reported after.
  void Cancel();
  /// Waits for its end. Cancel first.
  void Join();

  SubtaskId id() const { return id_; }
  control::SubtaskMetrics Metrics() const;
  /// What it has said of itself, for a leader that did not hear it.
  control::AttemptReport::Subtask Report() const;
  /// What its sinks have open; nothing before they are made.
  std::vector<control::SinkReport> Sinks() const;

 private:
  // TaskEvents; from the serial queue or the own thread.
  void OnSourceEnded() override;
  void OnSnapshotTaken() override { PublishMetrics(); }
  void OnAcknowledge(control::CheckpointAck ack) override;
  void OnDecline(CheckpointId checkpoint, absl::Status reason, bool storage_failed) override;
  void OnCommitted(CheckpointId checkpoint) override;
  void OnAsyncFailure(absl::Status error) override;

  void Main();
  absl::Status Run();
  absl::Status Handle(Mail mail);
  absl::Status StepOrWait();
  void Wait(SteadyMicros until);
  /// A job that ends: tells sources' systems how far it got, and drops what nobody will ask for.
  void SayEnd();
  /// Sweeps once more when it is time: a zombie of an older attempt may have opened a transaction late.
  void MaybeSweep(SteadyMicros now);
  void PublishMetrics();
  void ReportState(control::SubtaskState state, absl::Status error = absl::OkStatus());

  std::shared_ptr<const Deployment> deployment_;
  const SubtaskId id_;
  const bool is_source_;
  std::vector<TaskInput> inputs_;
  SerialQueue async_;
  OperatorCounters counters_;  // own thread
  std::unique_ptr<SubtaskBuilder> builder_;
  std::unique_ptr<Task> task_;

  /// What others wake the thread by. Shared: a channel may still call when the subtask is gone.
  struct Signal {
    runtime::Mutex mutex;
    runtime::ConditionVariable changed;
    std::atomic<bool> has_mail{false};  // or an asynchronous error, or cancelled
    std::atomic<bool> woken{false};
    void Wake();
  };
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::deque<Mail> mail_;              // under the signal's mutex, as are
  absl::Status async_error_;
  control::SubtaskMetrics metrics_;
  control::SubtaskState state_ = control::SubtaskState::kDeploying;
  bool source_ended_ = false;
  std::atomic<bool> cancelled_{false};
  int64_t busy_micros_ = 0, blocked_micros_ = 0;  // own thread
  SteadyMicros published_at_ = 0;
  SteadyMicros sweep_at_ = 0;  // 0: never
  Attempt keep_from_;
  std::shared_ptr<bool> forgotten_ = std::make_shared<bool>(false);  // the serial queue's
  std::vector<SubtaskBuilder::NamedSink> sinks_;  // under the signal's mutex
  runtime::Thread thread_;
};

/// Whose fault an error is: kInvalidArgument is the user's and restarting cannot help; kUnavailable is outside.
control::FailureDomain DomainOf(const absl::Status& error);

}  // namespace weir::taskmanager
