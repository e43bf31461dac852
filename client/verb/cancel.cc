#include "client/exit_code.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/ask_again.h"
#include "client/verb/verbs.h"

namespace weir::client {

int Cancel(const Context& context, const Arguments& arguments) {
  using jobmanager::JobState;
  using jobmanager::JobStatus;
  absl::StatusOr<JobStatus> before = GetStatus(context, arguments.job);
  if (!before.ok()) return Fail(context, before.status());
  const std::string id = before->id.value;
  auto cancel = [&](jobmanager::Done<JobStatus> done) { context.api->Cancel(id, std::move(done)); };
  auto in_effect = [](const JobStatus& status) -> std::optional<JobStatus> {
    if (status.state == JobState::kCancelled) return status;
    return std::nullopt;
  };
  absl::StatusOr<JobStatus> after = AskUntilAnswered<JobStatus>(
      context, id, arguments.timeout_ms.value_or(-1), cancel, in_effect);
  if (!after.ok()) return Fail(context, after.status());
  if (arguments.json) {
    *context.out << StatusJson(*after) << "\n";
  } else {
    *context.err << "job " << after->name << " " << ToString(after->state) << "\n";
  }
  for (const auto& handle : after->pending) {
    *context.err << "  unresolved: sink " << handle.sink << ", checkpoint "
                 << handle.checkpoint.value << ", subtask " << handle.owner_subtask << "\n";
  }
  return kExitDone;
}

}  // namespace weir::client
