#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/control/control_link.h"
#include "common/runtime/sync.h"
#include "jobmanager/job_api.h"
#include "jobmanager/job_manager.h"
#include "jobmanager/not_leading.h"

namespace weir::jobmanager {

/// The door of a JobManager process: passes users and TaskManagers on while it leads, and says who
/// leads while it does not.
///
/// Thread:    thread-safe; Lead and StepDown from one thread.
/// Invariant: a call is answered once, by the JobManager that it was passed to or, when that one
///            stops leading, with NotLeading. A stream belongs to one lead and ends with it.
class LeaderGate final : public JobApi, public control::TaskManagerLinkHandler {
 public:
  /// `leader`: HOST:PORT of who leads, for those who ask here; any thread.
  explicit LeaderGate(std::function<std::string()> leader);
  ~LeaderGate() override;

  /// Passes on to `manager` from now on; kept until StepDown and until no call is in it.
  void Lead(std::shared_ptr<JobManager> manager);
  /// Ends every stream and answers every call that is open with NotLeading. No call goes to the
  /// JobManager afterwards but those under way.
  void StepDown();
  bool leads() const;

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

  // As JobManager's; not leading: NotLeading.
  void Running(Done<std::vector<JobStatus>> done);
  void RunningTransactions(Done<std::vector<JobTransactions>> done);

  // control::TaskManagerLinkHandler
  void OnOpened(std::shared_ptr<control::TaskManagerLink> link, const std::string& peer) override;
  void OnMessage(control::TaskManagerLink* link, control::ToJobManager message) override;
  void OnClosed(control::TaskManagerLink* link, absl::Status why) override;

 private:
  class OpenCalls;
  template <typename T>
  void Pass(Done<T> done, const std::function<void(JobManager&, Done<T>)>& call);
  absl::Status NotLeadingHere() const;

  struct Stream {
    std::shared_ptr<control::TaskManagerLink> link;
    std::shared_ptr<JobManager> manager;
    uint64_t number = 0;  // in the order they were opened
  };

  const std::function<std::string()> leader_;
  mutable runtime::Mutex mutex_;
  std::shared_ptr<JobManager> manager_;            // null: not leading
  std::shared_ptr<OpenCalls> calls_;               // of this lead
  std::map<control::TaskManagerLink*, Stream> streams_;
  uint64_t last_stream_ = 0;
};

}  // namespace weir::jobmanager
