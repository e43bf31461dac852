#include "taskmanager/connector/kafka/sink/cluster_ports.h"

#include "taskmanager/connector/kafka/protocol/client/coordinator.h"
#include "taskmanager/connector/kafka/protocol/client/log_reader.h"
#include "taskmanager/connector/kafka/protocol/client/wire_marker_groups.h"
#include "taskmanager/connector/kafka/rdkafka/marker_reader.h"
#include "taskmanager/connector/kafka/rdkafka/offset_retention.h"
#include "taskmanager/connector/kafka/rdkafka/producer.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int64_t kAskMs = 30'000;

}  // namespace

ClusterPorts MakeClusterPorts(const ConnectionOptions& connection, const Clock* clock) {
  ClusterPorts ports;
  const bool raw = connection.raw_client_possible();
  ports.coordinator = raw ? MakeCoordinator(connection, clock) : MakeMarkerReader(connection, clock);
  ports.make_producer = MakeRdkafkaProducers();
  ports.make_log_reader = [connection, clock, raw] { return raw ? MakeLogReader(connection, clock) : nullptr; };
  ports.offset_retention_ms = [connection] { return AskOffsetRetentionMs(connection, kAskMs); };
  if (raw) ports.make_marker_groups = [connection, clock] { return MakeMarkerGroups(connection, clock); };
  return ports;
}

}  // namespace weir::taskmanager::kafka
