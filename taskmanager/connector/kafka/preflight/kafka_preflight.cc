#include "taskmanager/connector/kafka/preflight/kafka_preflight.h"

#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/preflight/cluster_probe.h"
#include "taskmanager/connector/kafka/preflight/judge.h"

namespace weir::taskmanager::kafka {
namespace {

void Check(const job::JobSpec& spec, const job::Node& node, const Clock* clock, SteadyMicros deadline,
           PreflightReport* report) {
  ProbeRequest request;
  if (node.kind == job::NodeKind::kSource) {
    const KafkaSourceOptions options = SourceOptionsOf(node);
    request.connection = options.connection;
    request.name = "source " + node.name;
    request.topics = options.topics;
    JudgeSource(node, options, ProbeCluster(request, clock, deadline), report);
    return;
  }
  const KafkaSinkOptions options = SinkOptionsOf(node);
  const bool transactional = spec.guarantee == job::Guarantee::kExactlyOnce &&
                             options.delivery.value_or(Delivery::kExactlyOnce) == Delivery::kExactlyOnce;
  request.connection = options.connection;
  request.name = "sink " + node.name;
  request.topics = {options.topic};
  if (transactional) request.transaction_timeout_ms = options.transaction_timeout_ms;
  JudgeSink(node, options, transactional, ProbeCluster(request, clock, deadline), report);
}

}  // namespace

void RegisterPreflight(ConnectorRegistry* registry) { registry->preflights["kafka"] = Check; }

}  // namespace weir::taskmanager::kafka
