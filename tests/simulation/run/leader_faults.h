#pragma once

#include "tests/simulation/network/network.h"
#include "tests/simulation/plan/nemesis.h"
#include "tests/simulation/world/world.h"

namespace weir::sim {

/// Teaches a nemesis the faults of whoever leads when they begin, of several JobManagers. All must outlive it.
void AddLeaderFaults(World* world, Network* network, Nemesis* nemesis);

}  // namespace weir::sim
