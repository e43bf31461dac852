#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/control/messages.h"

namespace weir::jobmanager {

/// A transaction of a job's sink that is not known to be committed.
struct JobTransaction {
  enum class State : uint8_t {
    kOpen,        // rows go in
    kSealed,      // of a checkpoint under way
    kPrepared,    // durable, its checkpoint is not complete
    kCommitting,  // of a complete checkpoint, the commit is not confirmed
    kUnresolved,  // of an ended job: somebody has to look
  };
  std::string id;  // empty: not known here
  std::string sink;
  int32_t subtask = 0;
  State state = State::kOpen;
  CheckpointId checkpoint;    // not of open ones
  int64_t opened_at_ms = 0;   // 0: not known
  int64_t deadline_ms = 0;    // 0: none
  int64_t records = -1;       // -1: not known
  friend bool operator==(const JobTransaction&, const JobTransaction&) = default;
};
/// `OPEN`, `COMMITTING`, …
const char* ToString(JobTransaction::State state);

/// The answer to `weir transactions`.
struct JobTransactions {
  JobId id;
  std::string name;
  int64_t at_ms = 0;  // wall clock of the JobManager
  std::vector<JobTransaction> transactions;
  /// The last report of each sink subtask: counts, and what it had open then.
  std::vector<control::SinkReport> sinks;
  friend bool operator==(const JobTransactions&, const JobTransactions&) = default;
};

}  // namespace weir::jobmanager
