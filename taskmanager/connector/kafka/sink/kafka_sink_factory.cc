#include "taskmanager/connector/kafka/sink/kafka_sink_factory.h"

#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/sink/kafka_sink.h"
#include "taskmanager/connector/kafka/sink/plain_sink.h"
#include "taskmanager/connector/kafka/sink/row_encoder.h"
#include "taskmanager/connector/kafka/sink/sink_services.h"

namespace weir::taskmanager::kafka {
namespace {

/// A job that repeats records cannot have a sink that does not.
Delivery DeliveryOf(const SinkContext& context, const KafkaSinkOptions& options) {
  const Delivery of_job = context.exactly_once ? Delivery::kExactlyOnce : Delivery::kAtLeastOnce;
  const Delivery asked = options.delivery.value_or(of_job);
  return asked == Delivery::kExactlyOnce ? of_job : asked;
}

absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>> MakeSink(const SinkContext& context,
                                                             const ClusterPortsFactory& make_cluster) {
  KafkaSinkOptions options = SinkOptionsOf(*context.node);
  ASSIGN_OR_RETURN(std::unique_ptr<RowEncoder> encoder,
                   RowEncoder::Make(context.node->format, context.schema, options));
  const Delivery delivery = DeliveryOf(context, options);
  std::shared_ptr<SinkServices> services = MakeSinkServices(context, std::move(options), make_cluster);
  if (delivery == Delivery::kExactlyOnce) return std::make_unique<KafkaSink>(std::move(services), std::move(encoder));
  return std::make_unique<PlainSink>(std::move(services), std::move(encoder), delivery == Delivery::kAtLeastOnce);
}

}  // namespace

void RegisterSink(ConnectorRegistry* registry, ClusterPortsFactory make_cluster) {
  registry->sinks["kafka"] = [make_cluster = std::move(make_cluster)](const SinkContext& context) {
    return MakeSink(context, make_cluster);
  };
}

}  // namespace weir::taskmanager::kafka
