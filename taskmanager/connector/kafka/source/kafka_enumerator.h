#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/source/kafka_split.h"
#include "taskmanager/connector/kafka/source/topic_changes.h"
#include "taskmanager/connector/source_reader.h"

namespace weir::taskmanager::kafka {

/// The partitions of the topics, a split each, in the order of the topics' names, with start and stop as offsets.
///
/// Thread:  a pool thread; blocks on the cluster.
/// Errors:  kFailedPrecondition: SOURCE_TOPIC_MISSING, SOURCE_NOT_ALLOWED, … (no restart heals them); kUnavailable.
class KafkaEnumerator final : public SplitEnumerator {
 public:
  KafkaEnumerator(const SourceContext& context, KafkaSourceOptions options);

  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t parallelism) override;
  absl::StatusOr<std::optional<std::vector<checkpoint::SourceSplits::Split>>> Refresh(
      const std::vector<checkpoint::SourceSplits::Split>& known) override;

 private:
  absl::StatusOr<TopicInfos> Find(const std::vector<std::string>& also);
  absl::Status Connect();
  /// Offsets of the partitions for a time in milliseconds, or kBeginning, kEnd. -1: there is no such record.
  absl::StatusOr<std::vector<int64_t>> Offsets(const std::vector<KafkaSplit>& splits, int64_t time);
  absl::StatusOr<std::vector<int64_t>> Committed(const std::vector<KafkaSplit>& splits);
  absl::Status SetStarts(std::vector<KafkaSplit>* splits);

  const SourceContext context_;
  const KafkaSourceOptions options_;
  const std::string name_;
  std::shared_ptr<Client> client_;
};

/// `source transactions`; the group that offsets are committed to.
std::string NameOf(const SourceContext& context);
std::string GroupOf(const SourceContext& context, const KafkaSourceOptions& options);

}  // namespace weir::taskmanager::kafka
