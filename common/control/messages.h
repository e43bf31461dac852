#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/checkpoint/snapshot.h"
#include "common/control/transaction_info.h"

namespace weir::control {

/// One subtask's place in a deployment.
struct SubtaskPlacement {
  SubtaskId subtask;
  std::string taskmanager;  // its name
  std::string address;      // HOST:PORT of its exchange
  Incarnation incarnation;
  friend bool operator==(const SubtaskPlacement&, const SubtaskPlacement&) = default;
};

/// Who a message is about; the receiver drops what is older than what it knows (design.md E4).
struct Fence {
  LeaderEpoch epoch;
  JobId job;
  Attempt attempt;
  friend bool operator==(const Fence&, const Fence&) = default;
};

// ---- TaskManager to JobManager -------------------------------------------------------------------------------------

/// First message of every stream.
struct Register {
  std::string name;
  std::string address;  // of the exchange
  int32_t slots = 0;
  std::string build_id;
  Incarnation incarnation;
  /// Attempts that still run here; the JobManager cancels those it does not adopt.
  std::vector<std::pair<JobId, Attempt>> running;
  friend bool operator==(const Register&, const Register&) = default;
};
/// Second message: what the TaskManager read of the storage id file that RegisterReply names.
struct StorageChecked {
  absl::StatusCode code = absl::StatusCode::kOk;  // kUnavailable: the file is not there
  std::string storage_id;
  friend bool operator==(const StorageChecked&, const StorageChecked&) = default;
};
struct SubtaskMetrics {
  SubtaskId subtask;
  int64_t rows_in = 0, rows_out = 0, bytes_in = 0, bytes_out = 0;
  int64_t skipped_rows = 0, late_rows = 0, error_rows = 0;
  int64_t watermark = batch::kMinTimestamp;
  int64_t busy_micros = 0, backpressured_micros = 0;
  int64_t state_bytes = 0;
  int64_t lag_records = -1;  // sources: there and not read; -1: not known
  friend bool operator==(const SubtaskMetrics&, const SubtaskMetrics&) = default;
};
struct Heartbeat {
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};
/// The transactions of one sink of one subtask.
struct SinkReport {
  SubtaskId subtask;
  std::string sink;
  SinkTransactions transactions;
  friend bool operator==(const SinkReport&, const SinkReport&) = default;
};
struct MetricsReport {
  Fence fence;
  std::vector<SubtaskMetrics> subtasks;
  std::vector<SinkReport> sinks;  // once a second; empty in between
  friend bool operator==(const MetricsReport&, const MetricsReport&) = default;
};
/// What a deployed subtask has come to. In order: kRestored (state and handles are in, its share of the handles is
/// resolved), kRunning (after StartRunning). kFailed and kCancelled are final.
enum class SubtaskState : uint8_t { kDeploying, kRestored, kRunning, kEnded, kFailed, kCancelled };
/// Where a failure comes from decides whether a restart can help (a user's error is not retried).
enum class FailureDomain : uint8_t { kInternal, kUser, kExternal };
struct SubtaskStateChanged {
  Fence fence;
  SubtaskId subtask;
  SubtaskState state = SubtaskState::kDeploying;
  absl::Status error;  // kFailed
  FailureDomain domain = FailureDomain::kInternal;
  friend bool operator==(const SubtaskStateChanged&, const SubtaskStateChanged&) = default;
};
/// Subtask 0 of a source has found the splits: at the first start, or at a restore when there are more than recorded
/// (before it reports kRestored).
struct SplitsFound {
  Fence fence;
  checkpoint::SourceSplits source;
  friend bool operator==(const SplitsFound&, const SplitsFound&) = default;
};
/// All splits of a source subtask are read to the end and its last watermark is sent.
struct SourceEnded {
  Fence fence;
  SubtaskId subtask;
  friend bool operator==(const SourceEnded&, const SourceEnded&) = default;
};
struct CheckpointAck {
  Fence fence;
  CheckpointId checkpoint;
  checkpoint::SubtaskSnapshot snapshot;
  int64_t state_bytes = 0;       // newly written for this checkpoint
  int64_t sync_micros = 0, async_micros = 0, alignment_micros = 0;
  friend bool operator==(const CheckpointAck&, const CheckpointAck&) = default;
};
struct CheckpointDecline {
  Fence fence;
  CheckpointId checkpoint;
  SubtaskId subtask;
  absl::Status reason;
  bool storage_failed = false;  // no barrier until all have probed the storage
  friend bool operator==(const CheckpointDecline&, const CheckpointDecline&) = default;
};
/// Every handle of this subtask with checkpoint <= `checkpoint` is committed.
struct CommitConfirmed {
  Fence fence;
  CheckpointId checkpoint;
  SubtaskId subtask;
  friend bool operator==(const CommitConfirmed&, const CommitConfirmed&) = default;
};
/// The subtask has swept what attempts older than its own left.
struct Swept {
  Fence fence;
  SubtaskId subtask;
  friend bool operator==(const Swept&, const Swept&) = default;
};
struct ProbeResult {
  Fence fence;
  int64_t probe = 0;
  absl::Status result;
  friend bool operator==(const ProbeResult&, const ProbeResult&) = default;
};

/// What a TaskManager runs of an attempt when it comes to a leader that did not deploy it. Sent behind Registered, once
/// for each attempt of Register::running; what changes afterwards is said by the usual messages.
struct AttemptReport {
  struct Subtask {
    SubtaskId subtask;
    SubtaskState state = SubtaskState::kDeploying;
    bool source_ended = false;
    friend bool operator==(const Subtask&, const Subtask&) = default;
  };
  Fence fence;
  std::vector<Subtask> subtasks;             // here
  std::vector<SubtaskPlacement> placements;  // of all subtasks, as they were deployed
  friend bool operator==(const AttemptReport&, const AttemptReport&) = default;
};

using ToJobManager =
    std::variant<Register, StorageChecked, Heartbeat, MetricsReport, SubtaskStateChanged, SplitsFound, SourceEnded,
                 CheckpointAck, CheckpointDecline, CommitConfirmed, Swept, ProbeResult, AttemptReport>;

// ---- JobManager to TaskManager -------------------------------------------------------------------------------------

/// Answer to Register: read `storage_id_path` in the storage at `checkpoint_storage` and report it.
struct RegisterReply {
  LeaderEpoch epoch;
  std::string checkpoint_storage;  // file:///…
  std::string storage_id_path;
  int64_t heartbeat_interval_ms = 500;
  int64_t heartbeat_timeout_ms = 3000;
  friend bool operator==(const RegisterReply&, const RegisterReply&) = default;
};
/// Answer to StorageChecked: registered, slots may be used.
struct Registered {
  LeaderEpoch epoch;
  friend bool operator==(const Registered&, const Registered&) = default;
};
/// The registration is refused for good (other build, name taken by a living one, wrong storage); the stream ends.
struct RegisterRefused {
  absl::Status reason;
  friend bool operator==(const RegisterRefused&, const RegisterRefused&) = default;
};
/// Start subtasks of an attempt. State is read from the storage by the TaskManager.
struct Deploy {
  Fence fence;
  std::string job_spec;   // serialized weir.v1.JobSpec
  /// A digest of the plan, compared with the one the TaskManager derives: differing is kInternal.
  std::string plan_digest;
  std::string storage;    // file:///… the job's checkpoint storage
  std::vector<SubtaskId> subtasks;  // to start here
  std::vector<SubtaskPlacement> placements;  // of all subtasks
  /// Manifest to restore; path empty = first start.
  checkpoint::FileRef restore;
  /// A resolver attempt (design.md 5.9): only sinks, which resolve and sweep and never run.
  bool resolve_only = false;
  /// The resolver of a checkpoint of another job (`--from`): whose it is, and what the user said.
  std::optional<JobId> former_job;
  UnresolvedPolicy unresolved = UnresolvedPolicy::kFail;
  friend bool operator==(const Deploy&, const Deploy&) = default;
};
/// First start: the splits of all sources are recorded (checkpoint 0). Restored attempts have theirs from the manifest;
/// to them it is sent, before StartRunning, when a list has grown.
struct AssignSplits {
  Fence fence;
  std::vector<checkpoint::SourceSplits> sources;
  friend bool operator==(const AssignSplits&, const AssignSplits&) = default;
};
/// All subtasks have resolved: sweep (subtask 0 of each sink), then report Swept.
struct Sweep {
  Fence fence;
  Attempt keep_from;  // no retained checkpoint is of an attempt below this one
  friend bool operator==(const Sweep&, const Sweep&) = default;
};
/// Read and process.
struct StartRunning {
  Fence fence;
  friend bool operator==(const StartRunning&, const StartRunning&) = default;
};
/// Inject barrier `checkpoint` at the sources. `final`: all sources have ended.
struct TriggerCheckpoint {
  Fence fence;
  CheckpointId checkpoint;
  int64_t timeout_ms = 0;  // the subtask's own deadline, from receipt
  bool savepoint = false;
  friend bool operator==(const TriggerCheckpoint&, const TriggerCheckpoint&) = default;
};
struct CheckpointComplete {
  Fence fence;
  CheckpointId checkpoint;
  friend bool operator==(const CheckpointComplete&, const CheckpointComplete&) = default;
};
struct CheckpointAborted {
  Fence fence;
  CheckpointId checkpoint;
  friend bool operator==(const CheckpointAborted&, const CheckpointAborted&) = default;
};
/// End every subtask of attempts <= fence.attempt of the job.
struct CancelAttempt {
  Fence fence;
  friend bool operator==(const CancelAttempt&, const CancelAttempt&) = default;
};
struct ProbeStorage {
  Fence fence;
  int64_t probe = 0;
  std::string storage;
  friend bool operator==(const ProbeStorage&, const ProbeStorage&) = default;
};
/// Answer to a heartbeat, so that a TaskManager knows that its JobManager lives.
struct HeartbeatReply {
  LeaderEpoch epoch;
  friend bool operator==(const HeartbeatReply&, const HeartbeatReply&) = default;
};

/// A new leader goes on with an attempt that runs: `complete` is its last completed checkpoint (commit up to it, again
/// if need be); whatever else is under way below `next` is aborted, and barriers below it that still come mean nothing.
struct AdoptAttempt {
  Fence fence;
  CheckpointId complete;
  CheckpointId next;
  friend bool operator==(const AdoptAttempt&, const AdoptAttempt&) = default;
};

using ToTaskManager =
    std::variant<RegisterReply, Registered, RegisterRefused, Deploy, AssignSplits, Sweep, StartRunning,
                 TriggerCheckpoint, CheckpointComplete, CheckpointAborted, CancelAttempt, ProbeStorage, HeartbeatReply,
                 AdoptAttempt>;

}  // namespace weir::control
