#include "taskmanager/connector/kafka/preflight/judge.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/config/units.h"

namespace weir::taskmanager::kafka {
namespace {

config::Location PlaceOf(const job::Node& node, std::string_view option) {
  const config::Value* value = node.options.Find(option);
  return value != nullptr && value->location.line > 0 ? value->location : node.location;
}

config::Location PlaceOfTopic(const job::Node& node, const std::string& topic) {
  if (const config::Value* topics = node.options.Find("topics"); topics != nullptr) {
    for (const config::Value& item : topics->items) {
      if (item.text == topic && item.location.line > 0) return item.location;
    }
    return PlaceOf(node, "topics");
  }
  return PlaceOf(node, "topic");
}

/// Whether the cluster was reached; else says why not.
bool Reached(const job::Node& node, const ConnectionOptions& connection, const ClusterFacts& facts,
             PreflightReport* report) {
  if (facts.reached.ok()) return true;
  const bool login = absl::IsUnauthenticated(facts.reached) || absl::IsPermissionDenied(facts.reached);
  const bool has_security = node.options.Find("security") != nullptr;
  report->errors.Error(PlaceOf(node, login && has_security ? "security" : "brokers"),
                       absl::StrCat("no use of the cluster at ", Describe(connection), ": ", facts.reached.message()));
  return false;
}

void JudgeTopic(const job::Node& node, const std::string& topic, const absl::Status& found, const char* right,
                PreflightReport* report) {
  if (found.ok()) return;
  const config::Location place = PlaceOfTopic(node, topic);
  if (absl::IsNotFound(found)) {
    report->errors.Error(place, absl::StrCat("topic `", topic, "` does not exist; create it first"));
  } else if (absl::IsPermissionDenied(found)) {
    report->errors.Error(place, absl::StrCat("no right to topic `", topic, "`; ", right, " is needed"));
  } else {
    report->errors.Error(place, absl::StrCat("topic `", topic, "`: ", found.message()));
  }
}

}  // namespace

void JudgeSource(const job::Node& node, const KafkaSourceOptions& options, const ClusterFacts& facts,
                 PreflightReport* report) {
  if (!Reached(node, options.connection, facts, report)) return;
  for (const std::string& topic : options.topics) {
    if (const auto found = facts.topics.find(topic); found != facts.topics.end()) {
      JudgeTopic(node, topic, found->second.found, "READ and DESCRIBE", report);
    }
  }
}

void JudgeSink(const job::Node& node, const KafkaSinkOptions& options, bool transactional, const ClusterFacts& facts,
               PreflightReport* report) {
  if (!Reached(node, options.connection, facts, report)) return;
  if (const auto found = facts.topics.find(options.topic); found != facts.topics.end()) {
    JudgeTopic(node, options.topic, found->second.found, "WRITE and DESCRIBE", report);
    if (transactional && found->second.compacted) {
      report->hints.push_back(absl::StrCat(
          node.name, ": topic `", options.topic,
          "` is compacted: a transaction that the broker gave up cannot be repaired from its log. `keep_records: true` "
          "keeps the records in the checkpoint too"));
    }
  }
  if (!transactional) return;
  const std::optional<int64_t> max = facts.max_transaction_timeout_ms;
  if (max && options.transaction_timeout_ms > *max) {
    report->errors.Error(
        PlaceOf(node, "transaction_timeout"),
        absl::StrCat("transaction_timeout ", config::DurationText(options.transaction_timeout_ms * 1000),
                     " is above the broker's transaction.max.timeout.ms of ", config::DurationText(*max * 1000),
                     ": set transaction_timeout to at most that, or raise it at the broker"));
  }
  if (absl::IsPermissionDenied(facts.transactions)) {
    report->errors.Error(node.location,
                         absl::StrCat("no right to write exactly once: ", facts.transactions.message(),
                                      "; WRITE and DESCRIBE on transactional ids and READ on groups are needed"));
  } else if (absl::IsUnauthenticated(facts.transactions)) {
    report->errors.Error(PlaceOf(node, "security"), std::string(facts.transactions.message()));
  } else if (absl::IsInvalidArgument(facts.transactions) || absl::IsFailedPrecondition(facts.transactions)) {
    report->errors.Error(PlaceOf(node, "transaction_timeout"),
                         absl::StrCat("a transaction cannot be begun: ", facts.transactions.message()));
  }
}

}  // namespace weir::taskmanager::kafka
