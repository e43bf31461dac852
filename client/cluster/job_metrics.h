#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "common/metrics/metrics.h"
#include "jobmanager/leader_gate.h"

namespace weir::client {

/// Shows the jobs of a JobManager as metrics, each time they are asked for.
///
/// Thread:  thread-safe; waits for the JobManager's loop, at most a second.
/// Shape:   `weir_job_*{job}` for every job that has not ended; a series goes with its job.
class JobMetrics {
 public:
  /// Both must outlive it.
  JobMetrics(jobmanager::LeaderGate* gate, metrics::Registry* registry);

 private:
  void Collect();

  jobmanager::LeaderGate* const gate_;
  metrics::Registry* const registry_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<metrics::Counter>> counters_;
  std::vector<std::shared_ptr<metrics::Gauge>> gauges_;
  // Last: ends first, and waits for a Collect under way.
  std::shared_ptr<void> collecting_;
};

}  // namespace weir::client
