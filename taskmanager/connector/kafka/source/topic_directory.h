#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/source/topic_changes.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// Asks a cluster for its topics.
///
/// Thread:  confined; every call blocks.
/// Errors:  kUnavailable: not reached (why); kFailedPrecondition: SOURCE_NOT_ALLOWED: no right to see a topic, or the
///          login was refused.
class TopicDirectory {
 public:
  /// `clock` must outlive it.
  TopicDirectory(std::shared_ptr<Client> client, const KafkaSourceOptions& source, const Clock* clock);

  /// Those of the source (by name or by pattern) and `also`, as far as they are there.
  absl::StatusOr<TopicInfos> Find(const std::vector<std::string>& also, int64_t timeout_ms);

 private:
  absl::Status Describe(const std::string& topic, int64_t timeout_ms, TopicInfos* found);
  absl::Status FindMatching(int64_t timeout_ms, TopicInfos* found);
  absl::Status AddId(const std::string& topic, int64_t timeout_ms, TopicInfos* found);
  absl::Status Failed(int code, const std::string& doing);

  const std::shared_ptr<Client> client_;
  const KafkaSourceOptions source_;
  const Clock* const clock_;
  std::unique_ptr<TransactionCoordinator> coordinator_;  // null: topic ids cannot be had
};

}  // namespace weir::taskmanager::kafka
