#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/checkpoint/storage.h"
#include "common/control/control_link.h"
#include "common/runtime/sync.h"
#include "common/runtime/threads.h"
#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/exchange/channel.h"
#include "taskmanager/executor/subtask.h"

namespace weir::taskmanager {

struct TaskManagerOptions {
  std::string name;
  std::string address;  // HOST:PORT of the exchange, as others reach it
  int32_t slots = 2;
  int64_t memory_bytes = int64_t{4} << 30;
  std::string state_dir;  // its own; what an earlier process left in it is deleted
  std::string build_id;
  Incarnation incarnation;
  /// How long attempts run on without a JobManager.
  SteadyMicros lease = 60'000'000;
  /// How often a running job's sinks look for what zombies of older attempts have opened late.
  SteadyMicros sweep_interval = 30'000'000;
};

/// What a TaskManager works with; all must outlive it.
struct TaskManagerParts {
  const Clock* clock = nullptr;  // the system's
  control::JobManagerConnector* connector = nullptr;
  ExchangeTransport* transport = nullptr;
  const ConnectorRegistry* connectors = nullptr;
  /// Serialized weir.v1.JobSpec to a plan.
  std::function<absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>>(const std::string& spec)> compile;
  StateFactory open_state;
  /// file:///… to storage; blocks. kUnavailable: not there.
  std::function<absl::StatusOr<std::shared_ptr<checkpoint::Storage>>(const std::string& uri)> open_storage;
  /// The JobManager refuses this TaskManager for good (another build, another storage, a name that somebody else keeps):
  /// the process should end. On the loop; may be empty.
  std::function<void(absl::Status)> on_refused;
};

/// Metrics of one subtask that runs here.
struct RunningSubtask {
  JobId job;
  std::string job_name;
  Attempt attempt;
  std::string task;
  control::SubtaskMetrics metrics;
  std::vector<control::SinkReport> sinks;
};

/// Runs subtasks for a JobManager: keeps the control stream, deploys, passes on what it is told, reports.
///
/// Thread:  the public calls are thread-safe. All control state lives on one loop thread; subtasks have their own.
/// Fences:  a message of an older leader epoch or attempt is dropped.
class TaskManager {
 public:
  TaskManager(TaskManagerOptions options, TaskManagerParts parts);
  ~TaskManager();

  /// kInvalidArgument: state_dir cannot be used. After it, the TaskManager connects and reconnects by itself.
  absl::Status Start();
  /// Ends every subtask and the stream. Idempotent.
  void Stop();

  bool registered() const { return registered_; }
  std::vector<RunningSubtask> Running() const;

 private:
  struct JobAttempt {
    std::shared_ptr<const Deployment> deployment;
    std::vector<std::unique_ptr<Subtask>> subtasks;
  };

  void ConnectLoop();
  void OnMessage(uint64_t link, control::ToTaskManager message);
  void OnClosed(uint64_t link, absl::Status why);
  void Send(control::ToJobManager message);
  /// Registers on a new link, then lets everybody send on it.
  void Introduce(uint64_t number, const std::shared_ptr<control::JobManagerLink>& link);
  /// The link is given up; another JobManager is looked for.
  void LeaveLink();
  /// Tells a leader that may not have deployed them what runs here.
  void ReportAttempts();
  void CheckStorage(const control::RegisterReply& reply);
  void Deploy(control::Deploy message);
  absl::StatusOr<std::shared_ptr<const Deployment>> MakeDeployment(const control::Deploy& message);
  void PostTo(const control::Fence& fence, const Subtask::Mail& mail);
  void EndAttempts(const JobId& job, Attempt up_to, const std::string& why);
  void EndAll(const std::string& why);
  void Probe(control::ProbeStorage message);
  void Heartbeat();
  absl::StatusOr<std::shared_ptr<checkpoint::Storage>> StorageAt(const std::string& uri);

  const TaskManagerOptions options_;
  const TaskManagerParts parts_;
  std::unique_ptr<AsyncPool> pool_;
  std::unique_ptr<runtime::ThreadEventLoop> loop_;
  std::unique_ptr<runtime::ThreadWorker> reaper_;  // joins ended subtasks

  // Loop thread.
  LeaderEpoch epoch_{0};
  int64_t heartbeat_micros_ = 500'000;
  int64_t heartbeat_timeout_micros_ = 3'000'000;
  SteadyMicros last_heard_ = 0;
  SteadyMicros sinks_reported_at_ = 0;
  SteadyMicros lost_at_ = 0;
  SteadyMicros refused_since_ = 0;  // 0: not refused since the last registration
  std::map<JobId, Attempt> ended_;  // highest attempt that was ended, of each job seen
  std::string last_spec_;
  std::shared_ptr<const plan::ExecutionPlan> last_plan_;  // of last_spec_: a restart need not compile again

  mutable runtime::Mutex mutex_;
  std::map<JobId, JobAttempt> attempts_;  // written on the loop, under mutex_
  std::map<std::string, std::shared_ptr<checkpoint::Storage>> storages_;  // under mutex_
  // The link, under link_mutex_.
  mutable runtime::Mutex link_mutex_;
  runtime::ConditionVariable link_changed_;
  std::shared_ptr<control::JobManagerLink> link_;
  uint64_t link_number_ = 0;
  LeaderEpoch link_epoch_;
  bool link_open_ = false;
  bool stopping_ = false;
  std::atomic<bool> registered_{false};
  std::atomic<bool> refused_{false};
  runtime::Thread connect_thread_;
};

}  // namespace weir::taskmanager
