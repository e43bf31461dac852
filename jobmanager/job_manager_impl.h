#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "jobmanager/job_manager.h"
#include "jobmanager/job_master.h"

namespace weir::jobmanager {

/// The JobManager on its loop.
/// Thread: confined to the loop.
class JobManager::Impl : public std::enable_shared_from_this<JobManager::Impl> {
 public:
  Impl(JobManagerOptions options, JobManagerParts parts);

  runtime::EventLoop* loop() const { return context_.parts.loop; }

  // job_manager.cc
  void Start(std::function<void(absl::Status)> done);
  absl::Status Ready() const;
  absl::StatusOr<std::shared_ptr<JobMaster>> Find(const std::string& job) const;
  void Submit(SubmitRequest request, Done<JobId> done);
  std::vector<JobSummary> List() const;
  std::vector<JobStatus> Running() const;
  std::vector<JobTransactions> RunningTransactions() const;
  absl::Status Validate(const std::string& spec) const;

  // watching
  void Watch(uint64_t id, const std::string& job,
             std::function<void(const absl::StatusOr<JobStatus>&)> on_update);
  void Unwatch(uint64_t id) { watchers_.erase(id); }

  // job_manager_cluster.cc
  void OnOpened(std::shared_ptr<control::TaskManagerLink> link, const std::string& peer);
  void OnMessage(control::TaskManagerLink* link, control::ToJobManager& message);
  void OnClosed(control::TaskManagerLink* link, const absl::Status& why);
  ClusterInfo Cluster() const;

 private:
  struct Watcher {
    JobId job;
    std::function<void(const absl::StatusOr<JobStatus>&)> on_update;
  };
  struct Stream {
    std::shared_ptr<control::TaskManagerLink> link;
    std::string peer;
  };

  void OpenClusterStorage();
  void TakeUp(std::vector<MetadataStore::StoredJob> stored);
  void OnChanged(JobMaster* job, bool at_once);
  void OnEnded(JobMaster* job);
  void Prune();
  void TellWatchers();
  void OfferSlots();

  void Carry(const RegistryActions& actions);
  void Do(const registry_action::Send& a);
  void Do(const registry_action::Close& a);
  void Do(const registry_action::Available& a);
  void Do(const registry_action::StillRuns& a);
  void Do(const registry_action::Lost& a);
  void ArmRegistry();
  void Send(const std::string& name, Incarnation incarnation, control::ToTaskManager message);
  void Route(SessionId session, control::ToJobManager& message);

  TaskManagerRegistry registry_;
  JobContext context_;
  Rng rng_;
  bool started_ = false;
  std::vector<std::shared_ptr<JobMaster>> jobs_;  // in the order submitted

  std::map<uint64_t, Watcher> watchers_;
  std::set<JobId> changed_;
  bool telling_ = false;       // TellWatchers is posted
  bool telling_late_ = false;  // it is due by time

  SessionId next_session_ = 1;
  std::map<control::TaskManagerLink*, SessionId> sessions_;
  std::map<SessionId, Stream> streams_;
  runtime::EventLoop::TimerId registry_timer_ = 0;
  SteadyMicros registry_wake_ = 0;
  bool offering_ = false;
};

}  // namespace weir::jobmanager
