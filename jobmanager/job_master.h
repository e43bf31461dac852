#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/checkpoint/storage.h"
#include "common/control/messages.h"
#include "common/plan/plan.h"
#include "jobmanager/attempt_run.h"
#include "jobmanager/checkpoint/retention.h"
#include "jobmanager/job/adoption.h"
#include "jobmanager/job/restart_policy.h"
#include "jobmanager/job/transaction_board.h"
#include "jobmanager/job_api.h"
#include "jobmanager/job_manager.h"
#include "jobmanager/record_writer.h"

namespace weir::jobmanager {

/// What all JobMasters share. Owned by the JobManager; on the loop.
struct JobContext {
  JobManagerOptions options;
  JobManagerParts parts;
  LeaderEpoch epoch;
  TaskManagerRegistry* registry = nullptr;
  /// To a TaskManager of the registry; dropped when that incarnation is gone.
  std::function<void(const std::string&, Incarnation, control::ToTaskManager)> send;
  std::function<void(JobMaster*, bool at_once)> changed;  // its status
  std::function<void()> slots_freed;
  std::function<void(JobMaster*)> ended;
  std::function<bool(const JobId&)> is_running;  // a job that has not ended

  SteadyMicros now() const { return parts.loop->clock().Steady(); }
  int64_t wall_ms() const { return parts.loop->clock().Wall() / 1000; }
};

/// One job from its submission to its end: attempts, checkpoints, recovery, savepoints, ends.
///
/// Thread:    confined to the loop. Blocking work goes to the workers and comes back as an event,
/// which is dropped when
///            the attempt that it was for is over.
/// Invariant: an attempt is recorded before it is deployed; a checkpoint is recorded before anybody
/// hears of it; while
///            the put of a checkpoint is open, nothing chooses a checkpoint (records are put in
///            order).
/// Source:    design.md section 5.
class JobMaster : public std::enable_shared_from_this<JobMaster> {
 public:
  JobMaster(JobContext* context, JobRecord record, std::string spec,
            std::shared_ptr<const plan::ExecutionPlan> plan);

  /// A new job: recorded, then deployed. `done` when it is deployed or refused.
  void Submit(const SubmitRequest& request, Done<JobId> done);
  /// A recorded job of an earlier leader that has not ended: goes on with what runs, or begins the
  /// next attempt.
  void Resume();
  /// A recorded job that cannot be compiled by this build any more.
  void ResumeAsFailed(const absl::Status& why);

  // From the cluster.
  void OnMessage(const std::string& taskmanager, control::ToJobManager& message);
  void OnTaskManagerLost(const std::string& name, Incarnation incarnation, const absl::Status& why);
  void OnTaskManagerRegistered(const std::string& name, Incarnation incarnation);
  void OnSlots() { TryDeploy(); }
  /// Whether the attempt, which runs on a TaskManager, may be gone on with.
  bool MayAdopt(Attempt attempt) const;

  // From users.
  void Cancel(Done<JobStatus> done);
  void Stop(Done<CheckpointInfo> done);
  void Savepoint(Done<CheckpointInfo> done);
  JobStatus Status() const;
  JobSummary Summary() const;
  std::vector<CheckpointInfo> Checkpoints() const;
  JobTransactions Transactions() const;

  const JobRecord& record() const { return durable_; }
  /// Until then users do not see it: only its name is taken.
  bool recorded() const { return recorded_; }
  void SetRecorded() { recorded_ = true; }
  bool ended() const { return IsEnded(durable_.state); }
  JobState state() const;
  /// Deletes the job's files but for its savepoints, and its record. Ended jobs only.
  void Forget();

 private:
  struct OpenSavepoint {
    std::vector<Done<CheckpointInfo>> waiters;
    checkpoint::FileRef manifest;  // path empty: not recorded yet
    int64_t duration_ms = 0;
    bool copying = false;
  };
  struct OpenHandle {
    SubtaskId subtask;
    PendingHandle handle;
  };
  enum class Next : uint8_t { kRun, kResolve };

  // job_master.cc
  void Propose(const std::function<void(JobRecord&)>& change, std::function<void()> then,
               bool checkpoint = false);
  void Log(const std::string& message,
           std::vector<std::pair<std::string_view, std::string>> more = {}) const;
  void LogWarning(const std::string& message) const;
  CheckpointInfo InfoOf(const CompletedCheckpoint& done) const;
  JobFailure MakeFailure(absl::Status why, control::FailureDomain domain, std::string where) const;
  /// Runs on the loop after `delay`, unless the job went away.
  void After(SteadyMicros delay, std::function<void()> then);
  bool IsCurrent(Attempt attempt) const { return run_ && run_->number == attempt; }
  // job_master_start.cc
  void ImportAndCreate(const std::string& from);
  void CreateRecord(std::optional<CompletedCheckpoint> zero,
                    std::optional<checkpoint::FileRef> staged,
                    const checkpoint::Manifest* manifest);
  void Refuse(absl::Status why);
  void EraseRecord();
  void ReadRetained();
  void OnStagedResolved();
  void UseManifest(const checkpoint::Manifest& manifest);

  // job_master_adopt.cc
  void OpenAdoption();
  void OnAdoptionPatience();
  void OnAdoptionMessage(const std::string& taskmanager, const control::ToJobManager& message);
  void OnRetainedRead();
  void MaybeAdopt();
  void Adopt();
  void GiveUpAdoption(const std::string& why);
  void DropAdoption();
  void NextAttempt();

  // job_master_attempt.cc
  void BeginAttempt(Next next, SteadyMicros delay,
                    std::function<void(JobRecord&)> change = nullptr);
  void StartRun(Next next, SteadyMicros delay);
  void TryDeploy();
  void OnNoSlots();
  void Deploy(const std::vector<std::string>& slots);
  void SendToAll(const control::ToTaskManager& message);
  void CancelRun();
  void OnState(const std::string& taskmanager, const control::SubtaskStateChanged& m);
  void OnLateState(const std::string& taskmanager, const control::SubtaskStateChanged& m);
  void MaybeAdvance();
  /// The lowest attempt that took a checkpoint which is still retained; 0: there is none.
  Attempt OldestRetained() const;
  void OnAllRunning(bool adopted = false);
  void FailAttempt(JobFailure failure);
  /// A file of the restored checkpoint is damaged or missing.
  void OnCorrupt(JobFailure failure);
  std::string NameOf(SubtaskId subtask) const;

  // job_master_splits.cc
  void OnSplitsFound(const control::SplitsFound& m);
  void RecordSplits();
  void OnSplitsGrown(const checkpoint::SourceSplits& source);

  // job_master_checkpoint.cc
  void Coordinate(const CoordinatorEvent& event);
  void ArmWake();
  void Do(const coordinator_action::ReserveIds& a);
  void Do(const coordinator_action::SendTrigger& a);
  void Do(const coordinator_action::WriteManifest& a);
  void Do(const coordinator_action::PutRecord& a);
  void Do(const coordinator_action::NotifyComplete& a);
  void Do(const coordinator_action::NotifyAborted& a);
  void Do(const coordinator_action::CommitsConfirmed& a);
  void Do(const coordinator_action::Probe& a);
  void Do(const coordinator_action::FailAttempt& a);
  void OnRecorded(Attempt attempt, const CompletedCheckpoint& done, Purpose purpose);
  void TrimFiles();
  void SweepOlder(Attempt attempt);
  void TakeHandles(const std::vector<checkpoint::SubtaskSnapshot>& subtasks);
  void OnCommitConfirmed(const control::CommitConfirmed& m);
  void CopySavepoint(CheckpointId id);
  void CopyResolvedSavepoints();
  void RequeueSavepoints();

  // job_master_end.cc
  void End(JobState end, std::optional<JobFailure> failure);
  void BeginEnd();
  /// The last sweep of a job waits until the tasks of the attempt before have ended: a sink that ends still sends what
  /// it has begun, and a transaction that is opened behind the sweep would hold back readers until it times out.
  void ExpectEnds();
  void OnOldTask(const control::SubtaskStateChanged& m);
  bool WaitsForOldTasks();
  void ArmEndDeadline();
  void OnResolved();
  void CopyStopSavepoint();
  void OnResolverFailed(JobFailure failure);
  void FinishEnd(JobState end, std::optional<JobFailure> failure,
                 std::vector<PendingHandle> pending);
  void AnswerAll();
  std::vector<PendingHandle> Pending() const;
  JobContext* const context_;
  const std::string spec_;
  const std::shared_ptr<const plan::ExecutionPlan> plan_;  // null: ResumeAsFailed
  std::shared_ptr<checkpoint::Storage> storage_;
  std::shared_ptr<RecordWriter> writer_;
  JobRecord durable_;   // what the store has
  JobRecord proposed_;  // with the puts under way

  std::optional<AttemptRun> run_;
  std::optional<Adoption> adoption_;  // of the attempt of an earlier leader; then there is no run_
  bool adoption_ready_ = false;       // everything that going on with it needs is read and recorded
  bool resumed_ = false;              // the retained checkpoints are read
  RestartPolicy restarts_;
  RestartPolicy resolver_restarts_;
  Attempt failed_attempt_;  // the last one that failed
  bool recorded_ = false;
  bool ran_ = false;        // reached RUNNING, or was taken up: RESTARTING rather than DEPLOYING
  bool finishing_ = false;  // the end state is being put
  CheckpointId next_id_;
  std::vector<checkpoint::SourceSplits> sources_;
  Retention retention_;
  std::vector<OpenHandle> handles_;  // of the last complete checkpoint, not confirmed
  TransactionBoard transactions_;
  int64_t checkpoints_completed_ = 0, checkpoints_failed_ = 0;
  std::vector<SubtaskStatus> last_tasks_;  // of the last attempt that was not a resolver
  Attempt last_tasks_attempt_;
  /// Subtasks of `ending_attempt_` that were told to end and have not said that they did, with their TaskManager.
  std::map<SubtaskId, std::pair<std::string, Incarnation>> ending_;
  Attempt ending_attempt_;
  SteadyMicros ending_until_ = 0;

  Done<JobId> submit_done_;
  std::vector<Done<JobStatus>> cancel_waiters_;
  std::vector<Done<CheckpointInfo>> stop_waiters_;
  std::vector<Done<CheckpointInfo>> savepoint_queue_;      // not triggered
  std::map<CheckpointId, OpenSavepoint> open_savepoints_;  // triggered, not copied
};

}  // namespace weir::jobmanager
