#pragma once

#include "tests/simulation/network/control_network.h"
#include "tests/simulation/network/network.h"
#include "tests/simulation/plan/nemesis.h"

namespace weir::sim {

/// Teaches a nemesis the faults of the network (plan/fault_kinds). Targets are names of nodes. All must outlive it.
void AddNetworkFaults(Network* network, ControlNetwork* control, Nemesis* nemesis);
/// And those of clocks.
void AddClockFaults(Simulation* simulation, Nemesis* nemesis);

}  // namespace weir::sim
