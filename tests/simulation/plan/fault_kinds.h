#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "tests/simulation/plan/fault.h"

namespace weir::sim {

/// Whom a fault of a kind befalls.
enum class FaultTarget : uint8_t {
  kNone,         // a service that there is one of: Kafka, etcd
  kAnyProcess,   // a JobManager or a TaskManager
  kJobManager,
  kTaskManager,
  kLink,         // from a node to another one, of those that talk to each other
  kDataLink,     // between two TaskManagers
  kNodeLinks,    // all links of a node, one by one: released in another order (swizzle-clog)
  kEveryTaskManager,
};

/// One row of the table of what can go wrong.
struct FaultKind {
  const char* name;
  FaultTarget target;
  int weight;                       // how often, against the others
  SteadyMicros least_time, most_time;  // how long; drawn evenly in orders of magnitude, so that short ones are common
  int64_t least_amount, most_amount;   // likewise
  const char* what;                 // one line for people
};

const std::vector<FaultKind>& FaultKinds();

/// What a plan is drawn for.
struct FaultScope {
  std::vector<std::string> jobmanagers;   // names
  std::vector<std::string> taskmanagers;
  std::vector<std::string> services;      // nodes that processes talk to: kafka, etcd
  std::set<std::string> kinds;            // what can be carried out
  SteadyMicros from = 1'000'000;          // no fault before it
  SteadyMicros until = 14'000'000;        // all is over by then
  int least = 3;
  int most = 14;
};

/// Draws a plan: a random subset of the kinds is enabled for the run, and some faults follow hard upon another one, so
/// that they hit recovery. At least `scope.least` faults; the same plan for the same state of `rng`.
FaultPlan DrawFaults(const FaultScope& scope, Rng* rng);

/// In [least, most], evenly in orders of magnitude.
int64_t DrawScaled(Rng* rng, int64_t least, int64_t most);

}  // namespace weir::sim
