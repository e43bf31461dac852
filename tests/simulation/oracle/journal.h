#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "jobmanager/job_api.h"
#include "jobmanager/metadata/job_record.h"

namespace weir::sim {

/// What happened in a run, as far as the oracles judge it. Written by wrappers around ports while it runs; read when it
/// is over. Times are true virtual ones.
///
/// Thread: the simulation's.
struct Journal {
  /// A job record that the metadata store accepted. It took effect at some moment between the two times; one whose
  /// answer never came (its process died) is not here, and may have taken effect or not.
  struct Record {
    SteadyMicros proposed_at = 0, accepted_at = 0;
    JobId job;
    LeaderEpoch epoch;
    Attempt attempt;
    CheckpointId last_id{-1};
    std::string manifest;  // of the last retained checkpoint
    jobmanager::JobState state = jobmanager::JobState::kCreated;
  };
  /// A split that a reader was given.
  struct Opened {
    SteadyMicros at = 0;
    JobId job;
    Attempt attempt;
    int32_t split = 0;
    int64_t start = 0;     // where the split begins, as was resolved at the first start
    int64_t position = 0;  // where this reader begins
  };
  /// What a source had handed out of a split at a barrier: everything below `next`.
  struct Snapshot {
    Attempt attempt;
    int64_t next = 0;
    bool ended = false;
  };
  /// A transaction that became visible.
  struct Commit {
    SteadyMicros at = 0;
    JobId job;
    CheckpointId checkpoint;
    std::string id;
  };

  std::vector<Record> proposed;  // whether answered or not (accepted_at: 0)
  std::vector<Record> records;   // in the order of their answers
  std::map<JobId, jobmanager::JobRecord> last_records;  // as accepted last, of the newest epoch
  std::vector<Opened> opened;
  std::map<std::pair<JobId, int32_t>, std::map<CheckpointId, std::vector<Snapshot>>> snapshots;  // by job and split
  std::vector<Commit> commits;
};

/// A run is wrong: which oracle says so, and why.
struct Violation {
  std::string oracle;  // O1, O2, …
  std::string what;
};
using Violations = std::vector<Violation>;

}  // namespace weir::sim
