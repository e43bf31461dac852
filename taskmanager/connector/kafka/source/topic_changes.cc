#include "taskmanager/connector/kafka/source/topic_changes.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::kafka {

absl::Status CheckTopics(const std::vector<KafkaSplit>& known, const TopicInfos& found) {
  for (const KafkaSplit& split : known) {
    const auto it = found.find(split.topic);
    if (it == found.end()) {
      return absl::FailedPreconditionError(
          absl::StrCat("SOURCE_TOPIC_MISSING: topic ", split.topic,
                       " is not there any more, and with it what this job had not read of it"));
    }
    const TopicInfo& topic = it->second;
    if (!split.topic_id.empty() && !topic.id.empty() && split.topic_id != topic.id) {
      return absl::FailedPreconditionError(
          absl::StrCat("SOURCE_TOPIC_REPLACED: topic ", split.topic,
                       " was deleted and made again since this job began to read it: its offsets mean other records now;"
                       " start the job anew, without --from"));
    }
    if (split.partition >= topic.partitions) {
      return absl::FailedPreconditionError(
          absl::StrCat("SOURCE_PARTITION_MISSING: topic ", split.topic, " has ", topic.partitions,
                       " partitions, partition ", split.partition, ", which this job reads, is not there any more"));
    }
  }
  return absl::OkStatus();
}

std::vector<KafkaSplit> NewPartitions(const std::vector<KafkaSplit>& known, const TopicInfos& found) {
  std::set<std::pair<std::string, int32_t>> seen;
  for (const KafkaSplit& split : known) seen.emplace(split.topic, split.partition);
  std::vector<KafkaSplit> added;
  for (const auto& [name, topic] : found) {
    for (int32_t p = 0; p < topic.partitions; ++p) {
      if (seen.count({name, p}) > 0) continue;
      KafkaSplit split;
      split.topic = name;
      split.topic_id = topic.id;
      split.partition = p;
      added.push_back(std::move(split));
    }
  }
  return added;
}

}  // namespace weir::taskmanager::kafka
