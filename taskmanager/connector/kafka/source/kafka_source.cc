#include "taskmanager/connector/kafka/source/kafka_source.h"

#include <utility>

#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/source/group_offsets.h"
#include "taskmanager/connector/kafka/source/kafka_enumerator.h"
#include "taskmanager/connector/kafka/source/kafka_reader.h"
#include "taskmanager/connector/kafka/source/rd_consumer.h"
#include "taskmanager/connector/kafka/source/topic_directory.h"
#include "taskmanager/connector/kafka/source/topic_watch.h"

namespace weir::taskmanager::kafka {
namespace {

absl::StatusOr<std::unique_ptr<SplitEnumerator>> MakeEnumerator(const SourceContext& context) {
  return std::make_unique<KafkaEnumerator>(context, SourceOptionsOf(*context.node));
}

absl::StatusOr<std::unique_ptr<SourceReader>> MakeReader(const SourceContext& context) {
  const KafkaSourceOptions source = SourceOptionsOf(*context.node);
  KafkaReader::Parts parts;
  parts.out_of_range_earliest = source.out_of_range_earliest;
  ASSIGN_OR_RETURN(parts.decoder, ValueDecoder::Make(DecoderOptionsOf(*context.node, context.schema, context.wanted)));

  RdConsumer::Options options;
  options.name = NameOf(context);
  options.group_id = GroupOf(context, source);
  options.memory_bytes = context.memory_bytes;
  options.wake = context.wake;
  ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                   RdConsumer::MakeClient(source, options.name, options.group_id, options.memory_bytes));

  TopicWatch::Options watching;
  watching.name = options.name;
  watching.interval_micros = source.discovery_interval_micros;
  watching.discover = context.subtask == 0 && !source.stop_latest && source.discovery_interval_micros > 0;
  watching.wake = context.wake;
  auto watch = std::make_unique<TopicWatch>(
      client, std::make_unique<TopicDirectory>(client, source, context.clock), std::move(watching));
  options.nudge = [watch = watch.get()](const std::string& topic, int32_t partition) { watch->Nudge(topic, partition); };
  parts.monitor = std::move(watch);
  parts.consumer = std::make_unique<RdConsumer>(client, std::move(options));
  return std::make_unique<KafkaReader>(context, std::move(parts));
}

}  // namespace

void RegisterSource(ConnectorRegistry* registry) { registry->sources["kafka"] = {MakeEnumerator, MakeReader, CommitGroupOffsets}; }

}  // namespace weir::taskmanager::kafka
