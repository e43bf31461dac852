#include "client/cluster/subtask_metrics.h"

#include <string>
#include <utility>

#include "client/cluster/sink_metrics.h"
#include "common/base/clock/system_clock.h"
#include "common/batch/types.h"

namespace weir::client {

SubtaskMetrics::SubtaskMetrics(const taskmanager::TaskManager* taskmanager,
                               metrics::Registry* registry)
    : taskmanager_(taskmanager), registry_(registry) {
  collecting_ = registry_->OnCollect([this] { Collect(); });
}

void SubtaskMetrics::Collect() {
  std::vector<std::shared_ptr<metrics::Counter>> counters;
  std::vector<std::shared_ptr<metrics::Gauge>> gauges;
  gauges.push_back(registry_->GetGauge("weir_taskmanager_registered",
                                       "1 while a JobManager has this TaskManager"));
  gauges.back()->Set(taskmanager_->registered() ? 1 : 0);
  const int64_t wall_ms = SystemClock().Wall() / 1000;
  for (const taskmanager::RunningSubtask& subtask : taskmanager_->Running()) {
    const control::SubtaskMetrics& values = subtask.metrics;
    const metrics::Labels labels = {{"job", subtask.job_name},
                                    {"task", subtask.task},
                                    {"subtask", std::to_string(values.subtask.index)}};
    auto count = [&](const char* name, const char* help, int64_t value) {
      counters.push_back(registry_->GetCounter(name, help, labels));
      counters.back()->Set(value);
    };
    auto gauge = [&](const char* name, const char* help, double value) {
      gauges.push_back(registry_->GetGauge(name, help, labels));
      gauges.back()->Set(value);
    };
    count("weir_subtask_rows_in_total", "Rows read", values.rows_in);
    count("weir_subtask_rows_out_total", "Rows passed on or written", values.rows_out);
    count("weir_subtask_bytes_in_total", "Bytes read", values.bytes_in);
    count("weir_subtask_bytes_out_total", "Bytes passed on or written", values.bytes_out);
    count("weir_subtask_skipped_rows_total", "Rows that could not be read and were skipped",
          values.skipped_rows);
    count("weir_subtask_late_rows_total", "Rows behind the watermark", values.late_rows);
    count("weir_subtask_error_rows_total", "Rows that could not be computed", values.error_rows);
    gauge("weir_subtask_busy_seconds", "Time spent working",
          static_cast<double>(values.busy_micros) / 1e6);
    gauge("weir_subtask_backpressured_seconds", "Time spent waiting for room downstream",
          static_cast<double>(values.backpressured_micros) / 1e6);
    gauge("weir_subtask_state_bytes", "Keyed state in memory",
          static_cast<double>(values.state_bytes));
    if (values.lag_records >= 0) {
      gauge("weir_source_lag_records", "Rows that are there and not read yet",
            static_cast<double>(values.lag_records));
    }
    for (const control::SinkReport& report : subtask.sinks) {
      const control::SinkTransactions& sink = report.transactions;
      if (sink.open.empty() && sink.commits == 0) continue;  // not a transactional one
      const SinkFigures figures = FiguresOf(sink, wall_ms);
      const metrics::Labels of_sink = {{"job", subtask.job_name},
                                       {"sink", report.sink},
                                       {"subtask", std::to_string(values.subtask.index)}};
      auto sink_gauge = [&](const char* name, const char* help, double value) {
        gauges.push_back(registry_->GetGauge(name, help, of_sink));
        gauges.back()->Set(value);
      };
      auto sink_count = [&](const char* name, const char* help, int64_t value) {
        counters.push_back(registry_->GetCounter(name, help, of_sink));
        counters.back()->Set(value);
      };
      sink_gauge("weir_sink_open_transaction_age_seconds", "Age of the oldest open transaction",
                 figures.open_age);
      sink_gauge("weir_sink_prepared_transaction_age_seconds",
                 "Age of the oldest transaction that is sealed and not committed",
                 figures.prepared_age);
      if (figures.has_deadline) {
        sink_gauge("weir_sink_transaction_deadline_seconds",
                   "Until the first transaction is given up by the outside system",
                   figures.to_deadline);
      }
      sink_count("weir_sink_commits_total", "Committed transactions of this attempt", sink.commits);
      sink_count("weir_sink_repairs_total", "Lost transactions that were made anew", sink.repairs);
      sink_gauge("weir_sink_commit_latency_seconds_sum",
                 "From pre-commit to confirmed commit, of all commits of this attempt",
                 static_cast<double>(sink.commit_micros) / 1e6);
      sink_gauge("weir_sink_commit_latency_seconds",
                 "From pre-commit to confirmed commit, of the last one",
                 static_cast<double>(sink.last_commit_micros) / 1e6);
    }
    if (values.watermark != batch::kMinTimestamp) {
      gauge("weir_subtask_watermark_seconds",
            "Event time up to which all is processed, since the epoch",
            static_cast<double>(values.watermark) / 1e6);
    }
  }
  std::lock_guard lock(mutex_);
  counters_ = std::move(counters);
  gauges_ = std::move(gauges);
}

}  // namespace weir::client
