#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/transaction/marker_groups.h"
#include "taskmanager/connector/kafka/transaction/producer_port.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// The cluster as a sink sees it.
struct ClusterPorts {
  std::unique_ptr<TransactionCoordinator> coordinator;
  ProducerFactory make_producer;
  std::function<std::unique_ptr<LogReader>()> make_log_reader;  // may give null: the log cannot be read
  std::function<absl::StatusOr<int64_t>()> offset_retention_ms;
  std::function<std::unique_ptr<MarkerGroups>()> make_marker_groups;  // null: groups expire by themselves
};
/// The real one is MakeClusterPorts; `clock` must outlive what is made.
using ClusterPortsFactory = std::function<ClusterPorts(const ConnectionOptions& connection, const Clock* clock)>;
/// librdkafka, and our own client where it can log in.
ClusterPorts MakeClusterPorts(const ConnectionOptions& connection, const Clock* clock);

}  // namespace weir::taskmanager::kafka
