#include "client/cluster/job_metrics.h"

#include <string>
#include <utility>

#include "client/await.h"

namespace weir::client {

JobMetrics::JobMetrics(jobmanager::JobManager* job_manager, metrics::Registry* registry)
    : job_manager_(job_manager), registry_(registry) {
  collecting_ = registry_->OnCollect([this] { Collect(); });
}

void JobMetrics::Collect() {
  using Jobs = std::vector<jobmanager::JobStatus>;
  constexpr int64_t kWaitMs = 1000;
  absl::StatusOr<Jobs> jobs =
      Await<Jobs>([this](jobmanager::Done<Jobs> done) { job_manager_->Running(std::move(done)); },
                  kWaitMs, nullptr);
  if (!jobs.ok()) return;
  std::vector<std::shared_ptr<metrics::Counter>> counters;
  std::vector<std::shared_ptr<metrics::Gauge>> gauges;
  auto count = [&](const std::string& name, const std::string& help, const metrics::Labels& labels,
                   int64_t value) {
    counters.push_back(registry_->GetCounter(name, help, labels));
    counters.back()->Set(value);
  };
  auto gauge = [&](const std::string& name, const std::string& help, const metrics::Labels& labels,
                   double value) {
    gauges.push_back(registry_->GetGauge(name, help, labels));
    gauges.back()->Set(value);
  };
  gauge("weir_jobs_not_ended", "Jobs that have not ended", {}, static_cast<double>(jobs->size()));
  for (const jobmanager::JobStatus& job : *jobs) {
    const metrics::Labels labels = {{"job", job.name}};
    gauge("weir_job_running", "1 while the job is RUNNING", labels,
          job.state == jobmanager::JobState::kRunning ? 1 : 0);
    gauge("weir_job_attempt", "Number of the current attempt", labels,
          static_cast<double>(job.attempt.value));
    count("weir_job_restarts_total", "Attempts after a failure", labels, job.restarts);
    count("weir_job_checkpoints_completed_total", "Completed checkpoints", labels,
          job.checkpoints_completed);
    count("weir_job_checkpoints_failed_total", "Failed checkpoints", labels,
          job.checkpoints_failed);
    if (!job.last_checkpoint) continue;
    gauge("weir_job_last_checkpoint_id", "Id of the last completed checkpoint", labels,
          static_cast<double>(job.last_checkpoint->id.value));
    gauge("weir_job_last_checkpoint_size_bytes", "Newly written for the last completed checkpoint",
          labels, static_cast<double>(job.last_checkpoint->size_bytes));
    gauge("weir_job_last_checkpoint_duration_seconds",
          "How long the last completed checkpoint took", labels,
          static_cast<double>(job.last_checkpoint->duration_ms) / 1000);
    gauge("weir_job_last_checkpoint_timestamp_seconds",
          "When the last checkpoint was completed, since the epoch", labels,
          static_cast<double>(job.last_checkpoint->completed_at_ms) / 1000);
  }
  std::lock_guard lock(mutex_);
  counters_ = std::move(counters);
  gauges_ = std::move(gauges);
}

}  // namespace weir::client
