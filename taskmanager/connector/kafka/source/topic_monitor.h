#pragma once

#include <vector>

#include "absl/status/status.h"
#include "taskmanager/connector/kafka/source/kafka_split.h"

namespace weir::taskmanager::kafka {

/// Watches whether the topics that are read are still the same ones, and (one subtask for all) whether they grow.
/// Thread: thread-safe.
class TopicMonitor {
 public:
  virtual ~TopicMonitor() = default;
  /// `mine`: of this subtask; `all`: of the whole source.
  virtual void Start(std::vector<KafkaSplit> mine, std::vector<KafkaSplit> all) = 0;
  /// The topics have been looked at: what is read is what the offsets meant.
  virtual bool verified() const = 0;
  /// Why reading must end; see CheckTopics. kUnavailable: partitions were added, the next attempt takes them.
  virtual absl::Status status() const = 0;
  /// A partition seems to be gone: look now.
  virtual void Confirm() = 0;
};

}  // namespace weir::taskmanager::kafka
