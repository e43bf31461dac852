#include "taskmanager/connector/kafka/kafka_descriptor.h"

#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/batch/batch.h"
#include "common/config/units.h"
#include "taskmanager/connector/kafka/kafka_connection.h"
#include "taskmanager/connector/kafka/kafka_keys.h"
#include "taskmanager/connector/kafka/kafka_options.h"

namespace weir::taskmanager::kafka {
namespace {

using config::DurationText;

/// As org.apache.kafka.common.internals.Topic.
bool IsTopicName(const std::string& name) {
  constexpr size_t kLongest = 249;
  if (name.empty() || name.size() > kLongest || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-'; });
}

void CheckTopicName(const job::Value& value, config::Diagnostics* diagnostics) {
  if (IsTopicName(value.text)) return;
  diagnostics->Error(value.location,
                     absl::StrCat("`", value.text.substr(0, 60),
                                  "` is no name of a topic: letters, digits, `.`, `_` and `-`, at most 249"));
}

void CheckStart(const job::Value& start, config::Diagnostics* diagnostics) {
  if (start.is_scalar() && (start.text == "earliest" || start.text == "latest" || start.text == "committed")) return;
  const job::Value* timestamp = start.Find("timestamp");
  if (timestamp == nullptr || start.entries.size() != 1) {
    diagnostics->Error(start.location, "`start` must be earliest, latest, committed, or {timestamp: WHEN}");
    return;
  }
  const bool good = timestamp->kind == job::Value::Kind::kInt
                        ? timestamp->integer >= 0
                        : timestamp->is_scalar() && batch::ParseTimestamp(timestamp->text).has_value();
  if (!good) {
    diagnostics->Error(timestamp->location,
                       "`timestamp` must be RFC 3339 (2024-05-01T00:00:00Z) or milliseconds since the epoch");
  }
}

std::string StartText(const StartPosition& start) {
  switch (start.kind) {
    case StartPosition::Kind::kEarliest:
      return "earliest";
    case StartPosition::Kind::kLatest:
      return "latest";
    case StartPosition::Kind::kCommitted:
      return "committed";
    case StartPosition::Kind::kTimestamp:
      return absl::StrCat("timestamp ", start.timestamp_ms, " ms");
  }
  return "";
}

bool IsExactlyOnce(const job::JobSpec& spec, const KafkaSinkOptions& sink) {
  return sink.delivery ? *sink.delivery == Delivery::kExactlyOnce : spec.guarantee == job::Guarantee::kExactlyOnce;
}

class KafkaDescriptor final : public job::ConnectorDescriptor {
 public:
  KafkaDescriptor() {
    const std::vector<job::FormatType> formats = {job::FormatType::kJson, job::FormatType::kCsv,
                                                  job::FormatType::kRaw};
    source_.options = KafkaSourceKeys();
    source_.formats = formats;
    source_.takes_schema = true;
    sink_.options = KafkaSinkKeys();
    sink_.formats = formats;
    sink_.commits_at_checkpoint = true;
  }

  std::string_view type() const override { return "kafka"; }
  const job::ConnectorTraits* source() const override { return &source_; }
  const job::ConnectorTraits* sink() const override { return &sink_; }
  bool Bounded(const job::Node& node) const override { return node.options.Find("stop") != nullptr; }

  void Validate(const job::Node& node, config::Diagnostics* diagnostics) const override {
    ReadConnection(node, diagnostics);
    if (node.kind == job::NodeKind::kSource) {
      ValidateSource(node, diagnostics);
    } else {
      ValidateSink(node, diagnostics);
    }
  }

  void ValidateInJob(const job::JobSpec& spec, const job::Node& node,
                     config::Diagnostics* diagnostics) const override {
    if (node.kind != job::NodeKind::kSink) return;
    const KafkaSinkOptions sink = SinkOptionsOf(node);
    if (!IsExactlyOnce(spec, sink)) return;
    if (spec.guarantee != job::Guarantee::kExactlyOnce) {
      diagnostics->Error(node.options.Find("delivery")->location,
                         absl::StrCat("`delivery: exactly_once` needs `guarantee: exactly_once`: this job's is ",
                                      std::string(job::ToString(spec.guarantee))));
      return;
    }
    const job::CheckpointSettings& c = spec.checkpoint;
    constexpr int64_t kMicrosPerMilli = 1000;
    const int64_t budget = sink.restart_budget_ms * kMicrosPerMilli;
    const int64_t has = sink.transaction_timeout_ms * kMicrosPerMilli;
    const int64_t needed = 2 * (c.interval + c.timeout) + budget;
    if (has >= needed) return;
    const job::Value* timeout = node.options.Find("transaction_timeout");
    diagnostics->Error(
        timeout != nullptr ? timeout->location : node.location,
        absl::StrCat("the transactions of sink `", node.name, "` could time out before they are committed: "
                     "transaction_timeout ", DurationText(has), " must be at least ", DurationText(needed),
                     " = 2 × (checkpoint interval ", DurationText(c.interval), " + checkpoint timeout ",
                     DurationText(c.timeout), ") + restart_budget ", DurationText(budget),
                     "; write `transaction_timeout: ", DurationText(needed),
                     "`, or shorten the checkpoint's interval or timeout"));
  }

  void ValidateInput(const job::Node& node, const batch::Schema& input,
                     config::Diagnostics* diagnostics) const override {
    if (const job::Value* key = node.options.Find("key")) CheckColumn(*key, "key", input, diagnostics);
    if (const job::Value* headers = node.options.Find("headers")) {
      for (const config::MapEntry& entry : headers->entries) {
        CheckColumn(entry.value, absl::StrCat("header `", entry.key, "`"), input, diagnostics);
      }
    }
    if (node.format.type != job::FormatType::kRaw) return;
    if (input.size() == 1 && batch::IsVariable(input.fields[0].type.kind)) return;
    diagnostics->Error(
        node.format.location,
        absl::StrCat("format raw writes one column of type bytes or string, the input has ", batch::ToString(input)));
  }

  bool CommitsAtCheckpoint(const job::Node& node) const override {
    return SinkOptionsOf(node).delivery.value_or(Delivery::kExactlyOnce) == Delivery::kExactlyOnce;
  }

  std::string Summary(const job::Node& node) const override {
    if (node.kind == job::NodeKind::kSink) {
      const KafkaSinkOptions sink = SinkOptionsOf(node);
      return absl::StrCat("topic ", sink.topic, " at ", kafka::Describe(sink.connection), DeliveryText(sink));
    }
    const KafkaSourceOptions source = SourceOptionsOf(node);
    return absl::StrCat(source.topic_pattern.empty()
                            ? absl::StrCat("topics ", absl::StrJoin(source.topics, ", "))
                            : absl::StrCat("topics like ", source.topic_pattern),
                        " at ", kafka::Describe(source.connection), ", start ", StartText(source.start),
                        source.stop_latest ? ", stop latest" : "", source.read_committed ? "" : ", read_uncommitted");
  }

 private:
  /// What is not said by when rows become visible.
  static std::string DeliveryText(const KafkaSinkOptions& sink) {
    if (!sink.delivery) return "";
    switch (*sink.delivery) {
      case Delivery::kExactlyOnce: return ", delivery exactly_once";
      case Delivery::kAtLeastOnce: return ", delivery at_least_once";
      case Delivery::kNone: return ", delivery none (rows may be lost)";
    }
    return "";
  }

  static void ValidateSource(const job::Node& node, config::Diagnostics* diagnostics) {
    const job::Value* topics = node.options.Find("topics");
    const job::Value* pattern = node.options.Find("topic_pattern");
    if ((topics == nullptr) == (pattern == nullptr)) {
      diagnostics->Error(pattern != nullptr ? pattern->location : node.location,
                         absl::StrCat("source `", node.name, "` needs one of `topics` and `topic_pattern`",
                                      topics != nullptr ? ", not both" : ""));
    } else if (topics != nullptr && topics->is_list()) {
      std::set<std::string> seen;
      for (const job::Value& topic : topics->items) {
        CheckTopicName(topic, diagnostics);
        if (!seen.insert(topic.text).second) {
          diagnostics->Error(topic.location, absl::StrCat("topic `", topic.text, "` is given twice"));
        }
      }
    } else if (topics != nullptr) {
      CheckTopicName(*topics, diagnostics);
    } else {
      const RE2 compiled(pattern->text, RE2::Quiet);
      if (pattern->text.empty() || !compiled.ok()) {
        diagnostics->Error(pattern->location, absl::StrCat("`topic_pattern` is no regular expression: ",
                                                           pattern->text.empty() ? "it is empty" : compiled.error()));
      }
    }
    if (const job::Value* start = node.options.Find("start")) CheckStart(*start, diagnostics);
    if (const job::Value* group = node.options.Find("group_id"); group != nullptr && group->text.empty()) {
      diagnostics->Error(group->location, "`group_id` must not be empty");
    }
  }

  static void ValidateSink(const job::Node& node, config::Diagnostics* diagnostics) {
    if (const job::Value* topic = node.options.Find("topic")) CheckTopicName(*topic, diagnostics);
    const job::Value* headers = node.options.Find("headers");
    if (headers == nullptr) return;
    for (const config::MapEntry& entry : headers->entries) {
      if (!entry.value.is_scalar() || entry.value.text.empty() || entry.key.empty()) {
        diagnostics->Error(entry.value.location,
                           absl::StrCat("header `", entry.key, "` must be given the name of a column"));
      }
    }
  }

  static void CheckColumn(const job::Value& name, const std::string& what, const batch::Schema& input,
                          config::Diagnostics* diagnostics) {
    std::vector<std::string> names;
    for (const batch::Field& field : input.fields) {
      if (field.name == name.text) return;
      names.push_back(field.name);
    }
    diagnostics->Error(name.location, absl::StrCat(what, ": the input has no column `", name.text, "`",
                                                   config::DidYouMean(name.text, names), "; it has ",
                                                   absl::StrJoin(names, ", ")));
  }

  job::ConnectorTraits source_;
  job::ConnectorTraits sink_;
};

}  // namespace

std::shared_ptr<const job::ConnectorDescriptor> Descriptor() { return std::make_shared<KafkaDescriptor>(); }

}  // namespace weir::taskmanager::kafka
