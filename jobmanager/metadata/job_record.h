#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/checkpoint/snapshot.h"
#include "jobmanager/job_api.h"

namespace weir::jobmanager {

/// A completed checkpoint: its manifest is durable and this record of it too (design.md E2).
struct CompletedCheckpoint {
  CheckpointId id;
  Attempt attempt;
  checkpoint::FileRef manifest;
  bool savepoint = false;
  int64_t completed_at_ms = 0;
  int64_t duration_ms = 0;
  int64_t size_bytes = 0;
  friend bool operator==(const CompletedCheckpoint&, const CompletedCheckpoint&) = default;
};

/// All that the metadata store keeps of a job beside its JobSpec. Written as a whole.
///
/// Shape:     `state` is what is meant, not what was reached: CREATED (never deployed), RUNNING,
/// STOPPING (`end` says
///            into what), or an end state.
/// Invariant: epoch, attempt and last_id only grow.
struct JobRecord {
  JobId id;
  std::string name;
  std::string storage;  // URI of its checkpoint storage
  std::string from;     // what it was started from, for people
  Unresolved unresolved = Unresolved::kRefuse;
  LeaderEpoch epoch;
  JobState state = JobState::kCreated;
  std::optional<JobState> end;  // decided, maybe not reached
  Attempt attempt;
  int64_t restarts = 0;
  bool stop_requested = false;
  /// Checkpoint to copy into a savepoint before the job is STOPPED.
  std::optional<CheckpointId> stop_savepoint;
  CheckpointId last_id{-1};                     // greatest completed, -1: none; 0 is checkpoint 0
  CheckpointId ids_reserved{1};                 // ids below were perhaps used
  std::vector<CompletedCheckpoint> retained;    // ascending; the last one is restored
  std::vector<CompletedCheckpoint> savepoints;  // self-contained copies
  /// `--from` an ordinary checkpoint: its manifest, in this job's storage, whose handles are to be
  /// resolved first.
  std::optional<checkpoint::FileRef> staged;
  std::optional<JobFailure> failure;
  std::vector<PendingHandle> pending;  // of an ended job
  int64_t submitted_at_ms = 0;
  int64_t ended_at_ms = 0;
};

}  // namespace weir::jobmanager
