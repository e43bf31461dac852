#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "taskmanager/connector/kafka/source/kafka_split.h"

namespace weir::taskmanager::kafka {

struct TopicInfo {
  std::string id;  // 16 bytes; empty: not known
  int32_t partitions = 0;
};
/// By name.
using TopicInfos = std::map<std::string, TopicInfo>;

/// Whether the topics of `known` are still what they were.
///
/// Errors:  kFailedPrecondition, which no restart heals: SOURCE_TOPIC_MISSING, SOURCE_TOPIC_REPLACED (deleted and made
///          again: its offsets mean something else), SOURCE_PARTITION_MISSING.
absl::Status CheckTopics(const std::vector<KafkaSplit>& known, const TopicInfos& found);

/// Partitions of `found` that are not in `known`, in order, without offsets.
std::vector<KafkaSplit> NewPartitions(const std::vector<KafkaSplit>& known, const TopicInfos& found);

}  // namespace weir::taskmanager::kafka
