#include "taskmanager/connector/kafka/sink/sink_services.h"

#include <algorithm>
#include <utility>

namespace weir::taskmanager::kafka {
namespace {

constexpr int64_t kLeastMemory = int64_t{16} << 20;
constexpr int64_t kLeastPreCommitMs = 1'000;
constexpr int64_t kUsualPreCommitMs = 60'000;

}  // namespace

ProducerOptions SinkServices::producer_options() const {
  ProducerOptions made;
  made.connection = options.connection;
  made.name = name();
  made.topic = options.topic;
  made.partitioner = options.partitioner;
  made.compression = options.compression;
  made.transaction_timeout_ms = options.transaction_timeout_ms;
  made.linger_micros = options.linger_micros;
  // A sealed transaction may still drain while the next one is filled.
  made.memory_bytes = std::max(kLeastMemory, context.memory_bytes / 2);
  return made;
}

int64_t SinkServices::pre_commit_ms() const {
  if (context.checkpoint_timeout_micros <= 0) return kUsualPreCommitMs;
  return std::max(kLeastPreCommitMs, context.checkpoint_timeout_micros / 1000);
}

std::shared_ptr<SinkServices> MakeSinkServices(const SinkContext& context, KafkaSinkOptions options,
                                               const ClusterPortsFactory& make_cluster) {
  auto services = std::make_shared<SinkServices>();
  services->context = context;
  services->cluster = make_cluster(options.connection, context.clock);
  services->options = std::move(options);
  return services;
}

}  // namespace weir::taskmanager::kafka
