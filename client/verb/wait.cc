#include <algorithm>

#include "client/exit_code.h"
#include "client/follow.h"
#include "client/terminal/job_json.h"
#include "client/verb/answers.h"
#include "client/verb/verbs.h"

namespace weir::client {
namespace {

using jobmanager::JobState;
using jobmanager::JobStatus;

// A job that FINISHED has run and has completed its final checkpoint, so it answers every question.
bool HasCome(const JobStatus& status, const std::string& to) {
  if (status.state == JobState::kFinished) return true;
  if (to == "running") return status.state == JobState::kRunning;
  if (to == "checkpoint")
    return status.state == JobState::kRunning && status.checkpoints_of_attempt > 0;
  return false;
}

}  // namespace

int Wait(const Context& context, const Arguments& arguments) {
  FollowOptions options;
  options.until = [&](const JobStatus& status) { return HasCome(status, arguments.wait_for); };
  options.timeout_ms = arguments.timeout_ms.value_or(-1);
  FollowOutcome outcome = Follow(context, arguments.job, options);
  if (arguments.json && outcome.status) *context.out << StatusJson(*outcome.status) << "\n";
  switch (outcome.end) {
    case FollowEnd::kReached:
      return kExitDone;
    case FollowEnd::kEnded:
      return std::max<int>(ReportEnd(context, *outcome.status), kExitFailed);
    case FollowEnd::kInterrupted:
      return kExitInterrupted;
    case FollowEnd::kTimedOut:
      if (!outcome.status) {
        PrintError(context, "the JobManager did not answer in time");
        return kExitUnreachable;
      }
      PrintError(context, "job " + outcome.status->name + " is " + ToString(outcome.status->state) +
                              ", it did not come to `" + arguments.wait_for + "` in time");
      return kExitWaitedTooLong;
    case FollowEnd::kFailed:
      break;
  }
  return Fail(context, outcome.error);
}

}  // namespace weir::client
