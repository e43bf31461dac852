#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/sink/cluster_ports.h"
#include "tests/simulation/kafka/cluster_model.h"
#include "tests/simulation/kafka/kafka_network.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

/// A Kafka cluster in a simulation: what sinks get of it, what goes wrong with it, what a reader finds in it.
///
/// Thread: the simulation's. Processes call the ports from their fibers; the rest may be called from anywhere.
class SimulatedKafka {
 public:
  struct Options {
    ClusterModel::Options cluster;
    int64_t offset_retention_ms = int64_t{7} * 24 * 3'600'000;
  };
  /// Options of a run of this seed: transaction version, how fast it is, how often transactions are swept.
  static Options Draw(Rng* rng);

  /// `simulation` must outlive it.
  SimulatedKafka(Options options, Simulation* simulation);

  /// For RegisterSink: one for each sink of a process.
  taskmanager::kafka::ClusterPortsFactory PortsFactory();

  ClusterModel& cluster() { return network_.cluster_now(); }
  KafkaNetwork& network() { return network_; }

  // ---- What goes wrong ----
  /// kill -9 of a drawn broker that is up; its number. -1: none is.
  int KillBroker();
  void StartBroker(int broker) { cluster().StartBroker(broker); }
  void KillAllBrokers();
  void StartAllBrokers();
  void MoveCoordinators() { cluster().MoveCoordinators(); }

  // ---- What the oracle sees ----
  struct OpenTransaction {
    std::string id;
    TransactionStates::State state;
    int64_t started_ms = 0, timeout_ms = 0;
  };
  /// Everything that is not decided and written, by id.
  std::vector<OpenTransaction> OpenTransactions();
  /// All partitions, in order, as a read_committed reader has them now.
  std::vector<taskmanager::kafka::KafkaRecord> Committed(const std::string& topic);
  /// Whether a read_committed reader gets to the end of every partition: O8, no transaction is left behind.
  bool ReadersReachTheEnd(const std::string& topic);

 private:
  Options options_;
  Simulation* const simulation_;
  Rng rng_;
  ClusterModel cluster_;
  KafkaNetwork network_;
};

}  // namespace weir::sim
