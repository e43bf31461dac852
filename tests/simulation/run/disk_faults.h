#pragma once

#include <string>
#include <vector>

#include "tests/simulation/disk/simulated_file_system.h"
#include "tests/simulation/plan/nemesis.h"
#include "tests/simulation/world/world.h"

namespace weir::sim {

/// Teaches a nemesis the faults of disks (plan/fault_kinds): of a JobManager's own disk (its metadata); of a
/// TaskManager: of a shared one, `shared` in turns. All must outlive it.
void AddDiskFaults(World* world, SimulatedFileSystem* disks, std::vector<std::string> shared, Nemesis* nemesis);

}  // namespace weir::sim
