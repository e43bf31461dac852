#include "client/run_decision.h"

#include "absl/strings/str_cat.h"

namespace weir::client {

using jobmanager::JobState;
using jobmanager::JobSummary;

absl::StatusOr<RunDecision> DecideRun(const std::vector<JobSummary>& jobs, const std::string& name,
                                      bool same_spec) {
  const JobSummary* last = nullptr;
  for (const JobSummary& job : jobs) {
    if (!IsEnded(job.state)) {
      if (job.name != name) {
        return absl::FailedPreconditionError(
            absl::StrCat("the state folder holds job `", job.name,
                         "`, which has not ended; run that one, or use another folder"));
      }
      if (!same_spec) {
        return absl::FailedPreconditionError(
            absl::StrCat("the state folder holds an unfinished run of `", name,
                         "` from another version of the job file (or with another --parallelism); "
                         "run that version and "
                         "end it with Ctrl-C, then run this one, or use another folder"));
      }
      return RunDecision{RunDecision::Kind::kResume, job.id};
    }
    if (job.name == name && (last == nullptr || job.submitted_at_ms >= last->submitted_at_ms))
      last = &job;
  }
  if (last != nullptr && (last->state == JobState::kStopped || last->state == JobState::kFailed)) {
    return RunDecision{RunDecision::Kind::kContinue, last->id};
  }
  return RunDecision{};
}

}  // namespace weir::client
