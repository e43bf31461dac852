#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/simulation/oracle/history.h"
#include "tests/simulation/workload/workload.h"

namespace weir::sim {

/// All that is known when a run is over.
struct Outcome {
  const Journal* journal = nullptr;
  const Workload* workload = nullptr;
  std::vector<Leg> legs;
  bool client_done = false;
  /// The plan damages what a job cannot do without (bits of a checkpoint, records of a lost transaction): a job may
  /// stop with a named error then.
  bool may_fail = false;
  std::map<int32_t, std::vector<std::string>> topic;  // what a read_committed reader gets, by partition, in order
  std::vector<std::string> files;                     // rows of the files that can be seen
  /// What the jobs left: hidden files, open transactions, by name. Nothing when the end came in the middle of faults.
  std::vector<std::string> left;
};

/// All oracles that need no storage: O1, O2, O5, O6, O8, O9, E2. (O7 is the client's, O4 restore_check's, O11 main's.)
Violations Judge(const Outcome& outcome);

/// Whether a failure says by its name why exactness cannot be kept.
bool IsNamedError(const std::string& failure);

}  // namespace weir::sim
