#include <algorithm>

#include "client/exit_code.h"
#include "client/terminal/format.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/verbs.h"
#include "common/batch/types.h"

namespace weir::client {
namespace {

std::string Percent(int64_t part, int64_t whole) {
  return whole <= 0 ? "-" : std::to_string(std::min<int64_t>(100, part * 100 / whole)) + " %";
}

void PrintCheckpoint(const Context& context, const jobmanager::JobStatus& status) {
  std::ostream& out = *context.out;
  if (!status.last_checkpoint) {
    out << "  checkpoint     none yet\n";
    return;
  }
  const auto& last = *status.last_checkpoint;
  const int64_t age = std::max<int64_t>(0, context.clock->Wall() / 1000 - last.completed_at_ms);
  out << "  checkpoint     " << last.id.value << ", " << FormatDuration(age) << " ago, took "
      << FormatDuration(last.duration_ms) << ", " << FormatBytes(last.size_bytes) << "\n";
  out << "  checkpoints    " << FormatCount(status.checkpoints_completed) << " completed, "
      << FormatCount(status.checkpoints_failed) << " failed\n";
}

void PrintTasks(const Context& context, const jobmanager::JobStatus& status) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& task : status.tasks) {
    const auto& metrics = task.metrics;
    const int64_t spent = metrics.busy_micros + metrics.backpressured_micros;
    rows.push_back(
        {task.name, std::to_string(task.id.index), jobmanager::ToString(task.state),
         task.taskmanager, FormatCount(metrics.rows_in), FormatCount(metrics.rows_out),
         FormatDuration(metrics.busy_micros / 1000), Percent(metrics.backpressured_micros, spent),
         FormatBytes(metrics.state_bytes),
         metrics.watermark == batch::kMinTimestamp ? "-" : FormatTime(metrics.watermark / 1000)});
  }
  if (rows.empty()) return;
  *context.out << "\n"
               << FormatTable({"TASK", "SUBTASK", "STATE", "TASKMANAGER", "ROWS IN", "ROWS OUT",
                               "BUSY", "BLOCKED", "STATE SIZE", "WATERMARK"},
                              rows);
}

}  // namespace

int Status(const Context& context, const Arguments& arguments) {
  absl::StatusOr<jobmanager::JobStatus> status = GetStatus(context, arguments.job);
  if (!status.ok()) return Fail(context, status.status());
  std::ostream& out = *context.out;
  if (arguments.json) {
    out << StatusJson(*status) << "\n";
    return kExitDone;
  }
  out << status->name << "  " << ToString(status->state) << "\n";
  out << "  id             " << status->id.value << "\n";
  out << "  guarantee      " << status->guarantee << "\n";
  out << "  attempt        " << status->attempt.value << ", restarts " << status->restarts << "\n";
  if (status->waiting_for_slots) out << "  waiting for    " << status->slots_needed << " slots\n";
  out << "  submitted      " << FormatTime(status->submitted_at_ms) << "\n";
  if (status->ended_at_ms != 0)
    out << "  ended          " << FormatTime(status->ended_at_ms) << "\n";
  PrintCheckpoint(context, *status);
  for (const auto& savepoint : status->savepoints)
    out << "  savepoint      " << savepoint.path << "\n";
  if (status->failure) {
    const auto& failure = *status->failure;
    out << "  " << (IsEnded(status->state) ? "failure        " : "last failure   ")
        << failure.status.message();
    if (!failure.where.empty()) out << " (in " << failure.where << ")";
    out << ", " << FormatTime(failure.at_ms) << "\n";
  }
  for (const auto& handle : status->pending) {
    out << "  unresolved     sink " << handle.sink << ", checkpoint " << handle.checkpoint.value
        << ", subtask " << handle.owner_subtask << "\n";
  }
  PrintTasks(context, *status);
  return kExitDone;
}

}  // namespace weir::client
