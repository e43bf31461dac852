#include "taskmanager/connector/kafka/kafka_options.h"

#include "common/batch/batch.h"
#include "common/config/diagnostics.h"
#include "common/config/keys.h"
#include "taskmanager/connector/kafka/kafka_connection.h"
#include "taskmanager/connector/kafka/kafka_keys.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int64_t kMicrosPerMilli = 1000;

StartPosition StartOf(const job::Value* value) {
  using Kind = StartPosition::Kind;
  StartPosition start;
  if (value == nullptr) return start;
  if (const job::Value* timestamp = value->Find("timestamp")) {
    start.kind = Kind::kTimestamp;
    if (timestamp->kind == job::Value::Kind::kInt) {
      start.timestamp_ms = timestamp->integer;
    } else if (const auto micros = batch::ParseTimestamp(timestamp->text)) {
      // A record of the same millisecond must not be missed.
      start.timestamp_ms = *micros / kMicrosPerMilli - (*micros % kMicrosPerMilli < 0 ? 1 : 0);
    }
  } else if (value->text == "latest") {
    start.kind = Kind::kLatest;
  } else if (value->text == "committed") {
    start.kind = Kind::kCommitted;
  }
  return start;
}

}  // namespace

KafkaSourceOptions SourceOptionsOf(const job::Node& node) {
  config::Diagnostics unwanted;
  config::Section section(&node.options, KafkaSourceKeys(), node.name, node.location, &unwanted);
  KafkaSourceOptions options;
  options.connection = ReadConnection(node, nullptr);
  options.topics = section.StringList("topics");
  options.topic_pattern = section.String("topic_pattern");
  options.group_id = section.String("group_id");
  options.start = StartOf(section.Find("start"));
  options.stop_latest = section.Has("stop");
  options.read_committed = section.String("isolation") == "read_committed";
  options.out_of_range_earliest = section.String("on_out_of_range") == "earliest";
  options.discovery_interval_micros = section.Duration("discovery_interval");
  return options;
}

KafkaSinkOptions SinkOptionsOf(const job::Node& node) {
  config::Diagnostics unwanted;
  config::Section section(&node.options, KafkaSinkKeys(), node.name, node.location, &unwanted);
  KafkaSinkOptions options;
  options.connection = ReadConnection(node, nullptr);
  options.topic = section.String("topic");
  options.key = section.String("key");
  if (const job::Value* headers = section.Find("headers")) {
    for (const config::MapEntry& entry : headers->entries) options.headers.emplace_back(entry.key, entry.value.text);
  }
  options.partitioner = section.String("partitioner");
  options.compression = section.String("compression");
  if (section.Has("delivery")) {
    const std::string delivery = section.String("delivery");
    options.delivery = delivery == "exactly_once"    ? Delivery::kExactlyOnce
                       : delivery == "at_least_once" ? Delivery::kAtLeastOnce
                                                     : Delivery::kNone;
  }
  options.transaction_timeout_ms = section.Duration("transaction_timeout") / kMicrosPerMilli;
  options.restart_budget_ms = section.Duration("restart_budget") / kMicrosPerMilli;
  options.linger_micros = section.Duration("linger");
  options.keep_records = section.Bool("keep_records");
  return options;
}

}  // namespace weir::taskmanager::kafka
