#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "tests/simulation/oracle/journal.h"
#include "tests/simulation/plan/fault.h"
#include "tests/simulation/workload/workload.h"

namespace weir::sim {

struct KnownBug;

/// What is run. Whatever is not set is drawn from the seed.
struct RunOptions {
  uint64_t seed = 0;
  SteadyMicros busy = 18'000'000;  // virtual time in which faults come and go; the run lasts some seconds more
  int taskmanagers = 3;
  int slots = 2;
  std::optional<int> jobmanagers;
  std::optional<Workload::Kind> kind;
  std::optional<FaultPlan> plan;
  bool kafka = true, file = true;  // sinks that may be drawn
  /// Workload and faults are those in which this one can show; the bug itself is there when it `has_bug`.
  const KnownBug* bug = nullptr;
  bool has_bug = true;
  std::FILE* trace = nullptr;  // one line per event
};

struct RunResult {
  Violations violations;
  uint64_t hash = 0;
  std::string workload;  // for people
  FaultPlan plan;
  SteadyMicros virtual_micros = 0;
  SteadyMicros recovered_in = 0;
  uint64_t steps = 0;  // of fibers and events
  int checkpoints = 0, attempts = 0;
  std::map<std::string, int> reached;  // failpoints and buggify sites, how often
};

/// One run of a cluster from one seed: its processes, a user, faults, and the verdict.
/// Thread: one, one run at a time; what dead processes held stays allocated until this process ends.
RunResult RunSeed(const RunOptions& options);
/// The plan that such a run has.
FaultPlan PlanOf(const RunOptions& options);

}  // namespace weir::sim
