#pragma once

#include "tests/simulation/disk/simulated_file_system.h"
#include "tests/simulation/network/network.h"
#include "tests/simulation/plan/nemesis.h"
#include "tests/simulation/run/hooks.h"
#include "tests/simulation/world/world.h"

namespace weir::sim {

/// Teaches a nemesis the faults of processes and machines (plan/fault_kinds). All must outlive it.
void AddProcessFaults(World* world, Network* network, SimulatedFileSystem* disks, Hooks* hooks, Nemesis* nemesis);

}  // namespace weir::sim
