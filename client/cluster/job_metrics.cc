#include "client/cluster/job_metrics.h"

#include <algorithm>
#include <string>
#include <utility>

#include "client/await.h"
#include "client/cluster/sink_metrics.h"

namespace weir::client {

JobMetrics::JobMetrics(jobmanager::LeaderGate* gate, metrics::Registry* registry)
    : gate_(gate), registry_(registry) {
  collecting_ = registry_->OnCollect([this] { Collect(); });
}

void JobMetrics::Collect() {
  using Jobs = std::vector<jobmanager::JobStatus>;
  constexpr int64_t kWaitMs = 1000;
  absl::StatusOr<Jobs> jobs =
      Await<Jobs>([this](jobmanager::Done<Jobs> done) { gate_->Running(std::move(done)); },
                  kWaitMs, nullptr);
  const bool leads = jobs.ok();
  if (!leads && !jobmanager::IsNotLeading(jobs.status())) return;
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
  gauge("weir_jobmanager_leads", "1 while this JobManager leads the cluster", {}, leads ? 1 : 0);
  using AllTransactions = std::vector<jobmanager::JobTransactions>;
  absl::StatusOr<AllTransactions> transactions = Await<AllTransactions>(
      [this](jobmanager::Done<AllTransactions> done) {
        gate_->RunningTransactions(std::move(done));
      },
      kWaitMs, nullptr);
  for (const auto& job : transactions.value_or(AllTransactions())) {
    SinkFigures worst;
    int64_t commits = 0, repairs = 0;
    for (const control::SinkReport& report : job.sinks) {
      const SinkFigures figures = FiguresOf(report.transactions, job.at_ms);
      worst.open_age = std::max(worst.open_age, figures.open_age);
      worst.prepared_age = std::max(worst.prepared_age, figures.prepared_age);
      if (figures.has_deadline) {
        worst.to_deadline = worst.has_deadline ? std::min(worst.to_deadline, figures.to_deadline)
                                               : figures.to_deadline;
        worst.has_deadline = true;
      }
      commits += report.transactions.commits;
      repairs += report.transactions.repairs;
    }
    if (job.transactions.empty() && commits == 0) continue;
    const metrics::Labels labels = {{"job", job.name}};
    gauge("weir_job_open_transaction_age_seconds", "Age of the oldest open transaction", labels,
          worst.open_age);
    gauge("weir_job_prepared_transaction_age_seconds",
          "Age of the oldest transaction that is sealed and not committed", labels,
          worst.prepared_age);
    if (worst.has_deadline) {
      gauge("weir_job_transaction_deadline_seconds",
            "Until the first transaction is given up by the outside system", labels,
            worst.to_deadline);
    }
    gauge("weir_job_transactions_not_committed", "As `weir transactions` lists them", labels,
          static_cast<double>(job.transactions.size()));
    count("weir_job_commits_total", "Committed transactions of this attempt", labels, commits);
    count("weir_job_repairs_total", "Lost transactions that were made anew", labels, repairs);
  }
  const Jobs listed = std::move(jobs).value_or(Jobs());
  if (leads) {
    gauge("weir_jobs_not_ended", "Jobs that have not ended", {}, static_cast<double>(listed.size()));
  }
  for (const jobmanager::JobStatus& job : listed) {
    const metrics::Labels labels = {{"job", job.name}};
    gauge("weir_job_running", "1 while the job is RUNNING", labels,
          job.state == jobmanager::JobState::kRunning ? 1 : 0);
    gauge("weir_job_attempt", "Number of the current attempt", labels,
          static_cast<double>(job.attempt.value));
    int64_t lag = -1;
    for (const auto& task : job.tasks) {
      if (task.metrics.lag_records >= 0) lag = std::max<int64_t>(lag, 0) + task.metrics.lag_records;
    }
    if (lag >= 0) {
      gauge("weir_job_source_lag_records", "Rows that are there and not read yet", labels,
            static_cast<double>(lag));
    }
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
