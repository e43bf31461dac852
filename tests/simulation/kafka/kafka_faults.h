#pragma once

#include "tests/simulation/kafka/simulated_kafka.h"
#include "tests/simulation/network/network.h"
#include "tests/simulation/plan/nemesis.h"

namespace weir::sim {

/// Teaches a nemesis the faults of Kafka (plan/fault_kinds), and puts Kafka on a node of its own, "kafka", to which ways
/// may be blocked like others. All must outlive it.
void AddKafkaFaults(Network* network, SimulatedKafka* kafka, Nemesis* nemesis);

}  // namespace weir::sim
