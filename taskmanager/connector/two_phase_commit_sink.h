#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/batch/batch.h"
#include "common/checkpoint/snapshot.h"
#include "common/checkpoint/storage.h"
#include "common/control/transaction_info.h"
#include "common/job/job_spec.h"

namespace weir::security {
class PathRoots;
}

namespace weir::taskmanager {

using control::UnresolvedPolicy;

/// What a connector's sink is made with.
struct SinkContext {
  const job::Node* node = nullptr;
  std::shared_ptr<const job::Node> resolved_node;  // what `node` is when secrets were put into it
  std::shared_ptr<const security::PathRoots> roots;  // where files may lie; null: anywhere
  batch::SchemaPtr schema;
  JobId job;
  Attempt attempt;
  int32_t subtask = 0;
  int32_t parallelism = 1;
  bool exactly_once = true;
  const Clock* clock = nullptr;
  std::string job_name;
  /// Checkpoints come so often and may take so long (microseconds): for deadlines.
  int64_t checkpoint_interval_micros = 0;
  int64_t checkpoint_timeout_micros = 0;
  int32_t max_concurrent_checkpoints = 1;
  int32_t tolerable_failures = 3;
  /// Started `--from` a checkpoint of this (ended) job, whose handles are being resolved: what it left is swept too.
  std::optional<JobId> former_job;
  UnresolvedPolicy unresolved = UnresolvedPolicy::kFail;
  /// For records that must outlive the broker's transaction: files whose paths begin with `storage_prefix` (append a
  /// name that is unique within this attempt's subtask), given with the handle. What no checkpoint names is deleted once
  /// the attempt is over.
  std::shared_ptr<checkpoint::Storage> storage;
  std::string storage_prefix;
  /// What client queues of this sink may use.
  int64_t memory_bytes = int64_t{64} << 20;
  /// Any thread: ReadyToSeal may have changed.
  std::function<void()> wake;
};

/// A sealed transaction on its way to its handle. Thread: a pool thread, in barrier order.
class SealedTransaction {
 public:
  virtual ~SealedTransaction() = default;
  /// Flushes what was written and makes it certain that it can be committed (fsync). Without a handle: nothing needs a
  /// commit. An error fails the attempt: fsync is never retried.
  virtual absl::StatusOr<std::optional<std::string>> PreCommit() = 0;
  /// Wall-clock milliseconds by which it must be committed; 0 = none. Known after PreCommit.
  virtual int64_t deadline_ms() const { return 0; }
  /// Files that the handle refers to; they live as long as a retained checkpoint names the handle. Known after PreCommit.
  virtual std::vector<checkpoint::FileRef> files() const { return {}; }
};

/// A sink that takes part in two-phase commit (design.md 6; Flink's TwoPhaseCommittingSink).
///
/// Thread:  Open, Write, Seal, Flush: the task's thread. Commit, Resolve, Sweep: a pool thread, never at the same time
///          as each other, possibly at the same time as Write. Resolve and Sweep are also called without Open.
///          After Open, Sweep of subtask 0 may be called again while rows are written: somebody's zombie may open late.
/// Errors:  Commit: an error fails the attempt, recovery resolves it. Resolve: kDataLoss = something is lost (what);
///          kFailedPrecondition = another folder or cluster (SINK_FOLDER_MISMATCH), nothing was concluded.
class TwoPhaseCommitSink {
 public:
  virtual ~TwoPhaseCommitSink() = default;
  /// "file", "kafka": handles carry it.
  virtual std::string connector() const = 0;
  virtual absl::Status Open() = 0;
  virtual absl::Status Write(const batch::Batch& batch) = 0;
  /// Whether Seal has what it needs (a warm transaction to go on with). While not, the task takes no input and asks
  /// again when woken; after a while it declines the checkpoint, and the open transaction stays open.
  virtual bool ReadyToSeal() const { return true; }
  /// Closes the open transaction and opens the next; no I/O. Null: nothing was written.
  virtual absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) = 0;
  /// Makes one handle's rows visible. Idempotent.
  virtual absl::Status Commit(const std::string& handle) = 0;
  /// In recovery: commits, or finds that it was committed. Idempotent.
  virtual absl::Status Resolve(const std::string& handle) = 0;
  /// The handles of one former subtask in checkpoint order, with the files they refer to (which may lie elsewhere than
  /// where this job's do). A sink that repairs has to know them together.
  virtual absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) {
    for (const checkpoint::SinkHandle& handle : handles) {
      if (absl::Status status = Resolve(handle.bytes); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  /// Removes what attempts below this one left, of all subtasks. Only after every handle was resolved.
  virtual absl::Status Sweep() = 0;
  /// Whether Sweep is to be called every half a minute while the job runs. Subtask 0 of exactly_once jobs is asked.
  virtual bool SweepsWhileRunning() const { return false; }
  /// Removes what only resolving handles of attempts below this one could need: no retained checkpoint has such handles.
  /// Called like Sweep, of subtask 0, now and then; an error is a warning.
  virtual absl::Status Forget(Attempt below) { return absl::OkStatus(); }
  /// Rows that should not wait for the checkpoint (print, plain files): called when the task is idle.
  virtual absl::Status Flush() { return absl::OkStatus(); }
  /// Open and prepared transactions, and what has been done so far; for people. Thread: any.
  virtual control::SinkTransactions Transactions() const { return {}; }
};

}  // namespace weir::taskmanager
