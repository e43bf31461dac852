#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/control/messages.h"
#include "jobmanager/job_transactions.h"

namespace weir::jobmanager {

/// States of the contract (`ToString` gives its names).
enum class JobState : uint8_t {
  kCreated,
  kDeploying,
  kRunning,
  kRestarting,
  kStopping,
  kFinished,
  kStopped,
  kCancelled,
  kFailed,
};
const char* ToString(JobState state);
constexpr bool IsEnded(JobState state) { return state >= JobState::kFinished; }
const char* ToString(control::SubtaskState state);
const char* ToString(control::FailureDomain domain);

/// `--unresolved`: what to do with a transaction whose outcome cannot be known or repaired.
enum class Unresolved : uint8_t { kRefuse, kSkip, kRepeat };

struct SubmitRequest {
  std::string spec;  // serialized weir.v1.JobSpec
  std::string from;  // path of a checkpoint or savepoint as `checkpoints` prints it; empty: none
  Unresolved unresolved = Unresolved::kRefuse;
};

/// A completed checkpoint or savepoint. `path` is what `--from` takes.
struct CheckpointInfo {
  CheckpointId id;
  Attempt attempt;
  bool savepoint = false;
  std::string path;
  int64_t completed_at_ms = 0;
  int64_t duration_ms = 0;
  int64_t size_bytes = 0;  // newly written for it
};

struct JobFailure {
  absl::Status status;
  control::FailureDomain domain = control::FailureDomain::kInternal;
  std::string where;  // subtask and TaskManager, empty for the job itself
  int64_t at_ms = 0;
};

struct SubtaskStatus {
  std::string name;  // of the task
  SubtaskId id;
  control::SubtaskState state = control::SubtaskState::kDeploying;
  std::string taskmanager;
  control::SubtaskMetrics metrics;
};

/// A pre-committed transaction whose outcome is open; after CANCELLED or FAILED it stays so until
/// somebody looks.
struct PendingHandle {
  std::string sink;
  CheckpointId checkpoint;
  int32_t owner_subtask = 0;
  int64_t deadline_ms = 0;
};

/// Everything of `status -o json`, and more.
struct JobStatus {
  JobId id;
  std::string name;
  JobState state = JobState::kCreated;
  std::string guarantee;  // exactly_once, …
  int32_t slots_needed = 0;
  bool waiting_for_slots = false;
  Attempt attempt;
  int64_t restarts = 0;
  std::optional<CheckpointInfo> last_checkpoint;
  int64_t checkpoints_of_attempt = 0;  // completed by the current attempt (`wait --for checkpoint`)
  int64_t checkpoints_completed = 0;   // by this JobManager since it took the job up
  int64_t checkpoints_failed = 0;
  std::optional<JobFailure>
      failure;  // the last one of a job that goes on, the cause of one that FAILED
  std::vector<SubtaskStatus> tasks;
  std::vector<PendingHandle> pending;
  std::vector<CheckpointInfo> savepoints;
  int64_t submitted_at_ms = 0;
  int64_t ended_at_ms = 0;  // 0: not ended
};

/// One line of `list`.
struct JobSummary {
  JobId id;
  std::string name;
  JobState state = JobState::kCreated;
  Attempt attempt;
  int64_t submitted_at_ms = 0;
  int64_t ended_at_ms = 0;
  std::string failure;  // message, empty if there is none
};

struct TaskManagerInfo {
  std::string name;
  std::string address;
  std::string state;  // "available", "registering", "storage_unavailable"
  int32_t slots = 0;
  int32_t free_slots = 0;
  std::string build_id;
  int64_t silent_ms = 0;  // since its last message
};
struct ClusterInfo {
  LeaderEpoch epoch;
  std::string build_id;
  std::string checkpoint_storage;
  int32_t slots = 0;
  int32_t free_slots = 0;
  std::vector<TaskManagerInfo> taskmanagers;
};

template <typename T>
using Done = std::function<void(absl::StatusOr<T>)>;

/// What the CLI asks of a JobManager. `job` is a name or an id; a name means its job that has not
/// ended, else the one that ended last.
///
/// Thread:  thread-safe; no call blocks. `done` is called once, on the JobManager's loop: it must
/// not block, and may
///          call this API. Answers may take as long as the thing asked for (Submit, Cancel, Stop,
///          Savepoint); who gives up waiting loses nothing, the request is recorded.
/// Errors:  kInvalidArgument: the job is wrong (exit 78); kNotFound: no such job (3);
/// kFailedPrecondition,
///          kAlreadyExists, kResourceExhausted: refused (4); kAborted: the job ended otherwise (1);
///          kUnavailable: the JobManager is leaving or its storage is not there (5).
class JobApi {
 public:
  virtual ~JobApi() = default;

  /// Checks a job as Submit would, without starting it.
  virtual void Validate(std::string spec, Done<std::monostate> done) = 0;
  /// Records and deploys. Answered once deployed, or refused (not enough slots for 10 s, a bad
  /// `from`, …).
  virtual void Submit(SubmitRequest request, Done<JobId> done) = 0;
  virtual void List(Done<std::vector<JobSummary>> done) = 0;
  virtual void Get(std::string job, Done<JobStatus> done) = 0;
  /// Answered when the job is CANCELLED (or ended before: kFailedPrecondition).
  virtual void Cancel(std::string job, Done<JobStatus> done) = 0;
  /// Savepoint, then STOPPED; answered then. A job that cannot stop any more (it failed, was
  /// cancelled): kAborted.
  virtual void Stop(std::string job, Done<CheckpointInfo> done) = 0;
  /// Answered when the self-contained copy is written.
  virtual void Savepoint(std::string job, Done<CheckpointInfo> done) = 0;
  /// Retained checkpoints and savepoints, oldest first.
  virtual void Checkpoints(std::string job, Done<std::vector<CheckpointInfo>> done) = 0;
  /// What the sinks of a job have open, as they said last.
  virtual void Transactions(std::string job, Done<JobTransactions> done) = 0;
  virtual void Cluster(Done<ClusterInfo> done) = 0;

  /// Ends the subscription when destroyed; a call under way may still arrive.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  /// `on_update` gets the status at once, at every change of state, at every completed checkpoint
  /// and, while rows flow, a few times per second; the last one is the ended status, or an error
  /// (kNotFound). On the loop: must not block.
  virtual std::unique_ptr<Subscription> Watch(
      std::string job, std::function<void(const absl::StatusOr<JobStatus>&)> on_update) = 0;
};

}  // namespace weir::jobmanager
