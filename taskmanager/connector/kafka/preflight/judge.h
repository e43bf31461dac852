#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/preflight.h"

namespace weir::taskmanager::kafka {

/// What was found out of one topic.
struct TopicFacts {
  absl::Status found;  // kNotFound, kPermissionDenied, …; OK: it is there
  bool compacted = false;
};

/// What was found out of a cluster for one node. Only what is known to be wrong counts.
struct ClusterFacts {
  /// Not reached, or the login was refused: nothing else is known then.
  absl::Status reached;
  std::map<std::string, TopicFacts> topics;
  std::optional<int64_t> max_transaction_timeout_ms;  // transaction.max.timeout.ms
  /// Exactly-once sinks: whether an id like ours may be begun, described and marked. The marker's group too.
  absl::Status transactions;
};

/// Says everything that is wrong at once, at the places of the node's options. Pure.
void JudgeSource(const job::Node& node, const KafkaSourceOptions& options, const ClusterFacts& facts,
                 PreflightReport* report);
void JudgeSink(const job::Node& node, const KafkaSinkOptions& options, bool transactional, const ClusterFacts& facts,
               PreflightReport* report);

}  // namespace weir::taskmanager::kafka
