#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/checkpoint/snapshot.h"
#include "taskmanager/connector/kafka/sink/sink_services.h"

namespace weir::taskmanager::kafka {

/// The sink's part in recovery: gives kafka/transaction what it needs of this sink.
/// Thread: a pool thread, one call at a time; repairs: any.
class SinkRecovery {
 public:
  explicit SinkRecovery(std::shared_ptr<SinkServices> services) : services_(std::move(services)) {}

  /// Handles with their files, of one or several former subtasks.
  absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>& handles);
  absl::Status Sweep();
  absl::Status Forget(Attempt below);
  int64_t repairs() const { return repairs_; }

 private:
  const std::shared_ptr<SinkServices> services_;
  std::atomic<int64_t> repairs_{0};
};

}  // namespace weir::taskmanager::kafka
