#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/rng.h"
#include "common/checkpoint/storage.h"
#include "common/control/control_link.h"
#include "common/plan/plan.h"
#include "common/runtime/event_loop.h"
#include "jobmanager/cluster/taskmanager_registry.h"
#include "jobmanager/job_api.h"
#include "jobmanager/metadata/metadata_store.h"

namespace weir::jobmanager {

class JobMaster;
struct JobContext;

struct JobManagerOptions {
  std::string checkpoint_storage;  // file:///…: the cluster's
  std::string build_id;
  SteadyMicros heartbeat_interval = 500'000;
  SteadyMicros heartbeat_timeout = 3'000'000;
  /// How long a job that never ran waits for slots before it is refused.
  SteadyMicros slot_timeout = 10'000'000;
  /// How long a new leader waits for TaskManagers that run an attempt which it could go on with (longer
  /// while there are no slots for the next one); 0: it begins the next attempt.
  SteadyMicros adoption_timeout = 5'000'000;
  /// Ended jobs that stay listed; the files of older ones are deleted, savepoints excepted.
  size_t ended_jobs_kept = 100;
};

/// What a JobManager is made of. All must outlive it. Before it is destroyed: stop the loop, then
/// the workers.
struct JobManagerParts {
  runtime::EventLoop* loop = nullptr;
  runtime::Worker* io = nullptr;          // the metadata store and manifests: short and urgent
  runtime::Worker* background = nullptr;  // deletes, savepoint copies, imports
  MetadataStore* store = nullptr;
  /// `create`: make the root folder. Blocks.
  std::function<absl::StatusOr<std::shared_ptr<checkpoint::Storage>>(const std::string& uri,
                                                                     bool create)>
      open_storage;
  /// Serialized weir.v1.JobSpec to a plan; kInvalidArgument with everything that is wrong.
  std::function<absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>>(const std::string& spec)>
      compile;
  /// Asks the systems outside whether a job that is submitted can work there; kFailedPrecondition
  /// with everything that is wrong. Blocks for some ten seconds at most. May be empty.
  std::function<absl::Status(const job::JobSpec& spec)> preflight;
  uint64_t seed = 0;  // of job ids: RandomSeed() in production
  /// The metadata store refuses this leader: the process must end. On the loop.
  std::function<void(absl::Status)> on_deposed;
};

/// Leads a cluster: TaskManagers come by TaskManagerLinkHandler, users by JobApi.
///
/// Thread:  the public calls are thread-safe and do not block; everything else lives on the loop.
/// Shape:   one JobMaster per job; the registry gives out slots.
/// Errors:  see JobApi.
class JobManager final : public JobApi, public control::TaskManagerLinkHandler {
 public:
  JobManager(JobManagerOptions options, JobManagerParts parts);
  ~JobManager() override;

  /// Reads the metadata store and takes the recorded jobs up. Once, first; `done` on the loop:
  /// kDataLoss when a record is damaged. A checkpoint storage that is not there is waited for.
  void Start(std::function<void(absl::Status)> done);

  // JobApi
  void Validate(std::string spec, Done<std::monostate> done) override;
  void Submit(SubmitRequest request, Done<JobId> done) override;
  void List(Done<std::vector<JobSummary>> done) override;
  void Get(std::string job, Done<JobStatus> done) override;
  void Cancel(std::string job, Done<JobStatus> done) override;
  void Stop(std::string job, Done<CheckpointInfo> done) override;
  void Savepoint(std::string job, Done<CheckpointInfo> done) override;
  void Checkpoints(std::string job, Done<std::vector<CheckpointInfo>> done) override;
  void Transactions(std::string job, Done<JobTransactions> done) override;
  void Cluster(Done<ClusterInfo> done) override;
  std::unique_ptr<Subscription> Watch(
      std::string job, std::function<void(const absl::StatusOr<JobStatus>&)> on_update) override;

  /// The status of every job that has not ended: for metrics.
  void Running(Done<std::vector<JobStatus>> done);
  void RunningTransactions(Done<std::vector<JobTransactions>> done);

  // control::TaskManagerLinkHandler
  void OnOpened(std::shared_ptr<control::TaskManagerLink> link, const std::string& peer) override;
  void OnMessage(control::TaskManagerLink* link, control::ToJobManager message) override;
  void OnClosed(control::TaskManagerLink* link, absl::Status why) override;

 private:
  class Impl;
  // Shared with the events that are queued.
  std::shared_ptr<Impl> impl_;
};

}  // namespace weir::jobmanager
