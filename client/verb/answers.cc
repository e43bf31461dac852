#include "client/verb/answers.h"

#include <string>

#include "client/await.h"
#include "client/exit_code.h"

namespace weir::client {

using jobmanager::JobStatus;

int Fail(const Context& context, const absl::Status& status) {
  const ExitCode code = ExitCodeOf(status);
  std::string message(status.message());
  if (code == kExitOurBug) message += " (this is a bug of weir)";
  PrintError(context, message);
  return code;
}

absl::StatusOr<JobStatus> GetStatus(const Context& context, const std::string& job) {
  absl::StatusOr<JobStatus> status = Await<JobStatus>(
      [&](jobmanager::Done<JobStatus> done) { context.api->Get(job, std::move(done)); }, kAnswerMs,
      context.interrupts);
  if (status.status().code() == absl::StatusCode::kDeadlineExceeded) {
    return absl::UnavailableError("the JobManager does not answer");
  }
  return status;
}

int ReportEnd(const Context& context, const JobStatus& status) {
  if (status.state == jobmanager::JobState::kFinished) return kExitDone;
  std::string message = "job " + status.name + " " + ToString(status.state);
  if (status.failure) {
    message += ": " + std::string(status.failure->status.message());
    if (!status.failure->where.empty()) message += " (in " + status.failure->where + ")";
  }
  PrintError(context, message);
  for (const auto& handle : status.pending) {
    *context.err << "  unresolved: sink " << handle.sink << ", checkpoint "
                 << handle.checkpoint.value << ", subtask " << handle.owner_subtask << "\n";
  }
  return kExitFailed;
}

}  // namespace weir::client
