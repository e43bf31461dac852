#include "client/exit_code.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/ask_again.h"
#include "client/verb/verbs.h"

namespace weir::client {
namespace {

using jobmanager::CheckpointInfo;
using jobmanager::JobStatus;

int Print(const Context& context, const Arguments& arguments,
          const absl::StatusOr<CheckpointInfo>& savepoint) {
  if (!savepoint.ok()) return Fail(context, savepoint.status());
  *context.out << (arguments.json ? CheckpointJson(*savepoint) : savepoint->path) << "\n";
  return kExitDone;
}

}  // namespace

int Stop(const Context& context, const Arguments& arguments) {
  absl::StatusOr<JobStatus> before = GetStatus(context, arguments.job);
  if (!before.ok()) return Fail(context, before.status());
  const std::string id = before->id.value;
  auto stop = [&](jobmanager::Done<CheckpointInfo> done) {
    context.api->Stop(id, std::move(done));
  };
  auto in_effect = [](const JobStatus& status) -> std::optional<CheckpointInfo> {
    if (status.state != jobmanager::JobState::kStopped || status.savepoints.empty())
      return std::nullopt;
    return status.savepoints.back();
  };
  return Print(context, arguments,
               AskUntilAnswered<CheckpointInfo>(context, id, arguments.timeout_ms.value_or(-1),
                                                stop, in_effect));
}

int Savepoint(const Context& context, const Arguments& arguments) {
  absl::StatusOr<JobStatus> before = GetStatus(context, arguments.job);
  if (!before.ok()) return Fail(context, before.status());
  const std::string id = before->id.value;
  const size_t savepoints_before = before->savepoints.size();
  auto savepoint = [&](jobmanager::Done<CheckpointInfo> done) {
    context.api->Savepoint(id, std::move(done));
  };
  auto in_effect = [&](const JobStatus& status) -> std::optional<CheckpointInfo> {
    if (status.savepoints.size() <= savepoints_before) return std::nullopt;
    return status.savepoints.back();
  };
  return Print(context, arguments,
               AskUntilAnswered<CheckpointInfo>(context, id, arguments.timeout_ms.value_or(-1),
                                                savepoint, in_effect));
}

}  // namespace weir::client
