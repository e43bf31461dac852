#include "client/cluster/subtask_metrics.h"

#include <string>
#include <utility>

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
