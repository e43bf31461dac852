#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/preflight/judge.h"

namespace weir::taskmanager::kafka {

/// What is to be asked of a cluster.
struct ProbeRequest {
  ConnectionOptions connection;
  std::string name;  // for messages: `sink alerts`
  std::vector<std::string> topics;
  /// Exactly-once sinks: also what transactions of this timeout need.
  std::optional<int64_t> transaction_timeout_ms;
};

/// Asks. Begins and ends a transaction without content under an id of its own (`InitProducerId`); nothing else is changed
/// and no topic comes into being.
/// Thread: any; blocks until `deadline` at most, and as long as librdkafka takes to go away.
ClusterFacts ProbeCluster(const ProbeRequest& request, const Clock* clock, SteadyMicros deadline);

}  // namespace weir::taskmanager::kafka
