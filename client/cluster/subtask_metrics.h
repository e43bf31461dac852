#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "common/metrics/metrics.h"
#include "taskmanager/task_manager.h"

namespace weir::client {

/// Shows the subtasks that run on a TaskManager as metrics, each time they are asked for.
///
/// Thread:  thread-safe.
/// Shape:   `weir_subtask_*{job, task, subtask}`; a series goes with its subtask, and counts from 0
/// in each attempt.
class SubtaskMetrics {
 public:
  /// Both must outlive it.
  SubtaskMetrics(const taskmanager::TaskManager* taskmanager, metrics::Registry* registry);

 private:
  void Collect();

  const taskmanager::TaskManager* const taskmanager_;
  metrics::Registry* const registry_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<metrics::Counter>> counters_;
  std::vector<std::shared_ptr<metrics::Gauge>> gauges_;
  // Last: ends first, and waits for a Collect under way.
  std::shared_ptr<void> collecting_;
};

}  // namespace weir::client
