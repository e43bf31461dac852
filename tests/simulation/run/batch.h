#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/run/seed_run.h"

namespace weir::sim {

/// What came of one seed in a process of its own.
struct SeedReport {
  uint64_t seed = 0;
  uint64_t hash = 0, steps = 0;
  int64_t virtual_micros = 0, recovered_in = 0;
  int checkpoints = 0, attempts = 0, faults = 0;
  Violations violations;  // a crash, a hang and a hash that differs are among them
  std::map<std::string, int> reached;
};

/// Many seeds, in processes forked for a few seeds each: what dead simulated processes leave behind goes with them.
///
/// Thread: one; blocks.
struct BatchOptions {
  RunOptions run;         // its seed is set here
  int workers = 2;
  int seeds_per_process = 16;
  int seconds_per_seed = 60;  // of real time: then it hangs
  bool twice = false;         // each seed runs twice, and both hashes must be the same
};
/// `next`: the seed to run; nothing: no more. `on_report` in the order in which they end.
void RunBatch(const BatchOptions& options, const std::function<std::optional<uint64_t>()>& next,
              const std::function<void(const SeedReport&)>& on_report);

}  // namespace weir::sim
