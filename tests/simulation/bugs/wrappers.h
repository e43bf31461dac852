#pragma once

#include <functional>
#include <memory>

#include "jobmanager/metadata/metadata_store.h"
#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"
#include "taskmanager/state/keyed_state.h"
#include "tests/simulation/disk/simulated_file_system.h"
#include "tests/simulation/kafka/simulated_kafka.h"

namespace weir::sim {

/// What a run puts between the product and the world around it. An empty function changes nothing.
struct Wrappers {
  template <typename Port>
  using Wrap = std::function<std::unique_ptr<Port>(std::unique_ptr<Port>)>;

  Wrap<jobmanager::MetadataStore> metadata;
  Wrap<taskmanager::KeyedState> state;
  /// Of every Kafka sink.
  Wrap<taskmanager::kafka::TransactionCoordinator> coordinator;
  /// Sources and sinks of a TaskManager.
  std::function<void(taskmanager::ConnectorRegistry*)> connectors;
  /// Before anything runs; nodes 0 to `nodes` - 1.
  std::function<void(SimulatedFileSystem*, int nodes)> disks;
  std::function<void(SimulatedKafka*)> kafka;
};

}  // namespace weir::sim
