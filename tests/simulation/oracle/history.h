#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/oracle/exact.h"
#include "tests/simulation/oracle/journal.h"

namespace weir::sim {

/// One job of a run, as the client saw it end. A run has several when one starts from the savepoint of another.
struct Leg {
  JobId job;
  jobmanager::JobState end = jobmanager::JobState::kCreated;
  std::string failure;           // of a FAILED one
  CheckpointId last_checkpoint;  // that is recorded; 0: none but the first
  bool pending_handles = false;  // an end with unresolved transactions, which `status` shows
};

/// O5: ids of checkpoints grow, one id is one manifest, neither epoch nor attempt nor last checkpoint of a job goes
/// back, and an ended job stays as it ended. Only records of which one was answered before the other was asked for are
/// compared: in between the order is the store's.
Violations CheckRecords(const std::vector<Journal::Record>& records);

/// O5: where a split begins is the same in every attempt of a job, and a checkpoint id is used once for each split. O6:
/// an attempt is deployed once, whoever leads.
Violations CheckSources(const Journal& journal);

/// O5: a job that starts from another's savepoint or checkpoint goes on where that ended. `expected` gets what the legs
/// together must have committed: from the start of the first to the last recorded checkpoint of the last.
Violations CheckLegs(const Journal& journal, const std::vector<Leg>& legs, Ranges* expected);

/// When the last attempt of a job was put into its record; 0: there is none.
SteadyMicros LastAttemptBegan(const Journal& journal, const JobId& job);

/// E2: nothing becomes visible before the record of a checkpoint with its id was at least put.
Violations CheckCommits(const Journal& journal);

}  // namespace weir::sim
