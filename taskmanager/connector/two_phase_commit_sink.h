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
#include "common/job/job_spec.h"

namespace weir::taskmanager {

/// What a connector's sink is made with.
struct SinkContext {
  const job::Node* node = nullptr;
  batch::SchemaPtr schema;
  JobId job;
  Attempt attempt;
  int32_t subtask = 0;
  int32_t parallelism = 1;
  bool exactly_once = true;
  const Clock* clock = nullptr;
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
};

/// A sink that takes part in two-phase commit (design.md 6; Flink's TwoPhaseCommittingSink).
///
/// Thread:  Open, Write, Seal, Flush: the task's thread. Commit, Resolve, Sweep: a pool thread, never at the same time
///          as each other, possibly at the same time as Write. Resolve and Sweep are also called without Open.
/// Errors:  Commit: an error fails the attempt, recovery resolves it. Resolve: kDataLoss = something is lost (what);
///          kFailedPrecondition = another folder or cluster (SINK_FOLDER_MISMATCH), nothing was concluded.
class TwoPhaseCommitSink {
 public:
  virtual ~TwoPhaseCommitSink() = default;
  /// "file", "kafka": handles carry it.
  virtual std::string connector() const = 0;
  virtual absl::Status Open() = 0;
  virtual absl::Status Write(const batch::Batch& batch) = 0;
  /// Closes the open transaction and opens the next; no I/O. Null: nothing was written.
  virtual absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) = 0;
  /// Makes one handle's rows visible. Idempotent.
  virtual absl::Status Commit(const std::string& handle) = 0;
  /// In recovery: commits, or finds that it was committed. Idempotent.
  virtual absl::Status Resolve(const std::string& handle) = 0;
  /// Removes what attempts below this one left, of all subtasks. Only after every handle was resolved.
  virtual absl::Status Sweep() = 0;
  /// Rows that should not wait for the checkpoint (print, plain files): called when the task is idle.
  virtual absl::Status Flush() { return absl::OkStatus(); }
};

}  // namespace weir::taskmanager
