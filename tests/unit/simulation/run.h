#pragma once

#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

inline constexpr SteadyMicros kSecond = 1'000'000;

/// To that time, even if there is nothing left to do.
inline void Run(Simulation& simulation, SteadyMicros until) {
  simulation.At(until, [] {});
  simulation.RunUntil(until);
}

}  // namespace weir::sim
