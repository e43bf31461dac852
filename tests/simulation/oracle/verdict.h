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
  /// Named errors with which a job may stop, because the plan takes away what it cannot do without.
  std::vector<std::string> may_fail_with;
  std::map<int32_t, std::vector<std::string>> topic;  // what a read_committed reader gets, by partition, in order
  std::vector<std::string> files;                     // rows of the files that can be seen
  /// What the jobs left: hidden files, open transactions, by name. Nothing when the end came in the middle of faults.
  std::vector<std::string> left;
};

/// All oracles that need no storage: O1, O2, O5, O6, O8, O9, E2. (O7 is the client's, O4 restore_check's, O11 main's.)
Violations Judge(const Outcome& outcome);

}  // namespace weir::sim
