#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "common/metrics/metrics.h"
#include "jobmanager/job_manager.h"

namespace weir::client {

/// Shows the jobs of a JobManager as metrics, each time they are asked for.
///
/// Thread:  thread-safe; waits for the JobManager's loop, at most a second.
/// Shape:   `weir_job_*{job}` for every job that has not ended; a series goes with its job.
class JobMetrics {
 public:
  /// Both must outlive it.
  JobMetrics(jobmanager::JobManager* job_manager, metrics::Registry* registry);

 private:
  void Collect();

  jobmanager::JobManager* const job_manager_;
  metrics::Registry* const registry_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<metrics::Counter>> counters_;
  std::vector<std::shared_ptr<metrics::Gauge>> gauges_;
  // Last: ends first, and waits for a Collect under way.
  std::shared_ptr<void> collecting_;
};

}  // namespace weir::client
