#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "jobmanager/job_api.h"

namespace weir::client {

/// What `weir run` does in a state folder.
struct RunDecision {
  enum class Kind : uint8_t {
    kAnew,      // submit
    kResume,    // follow `job`, which the JobManager has taken up
    kContinue,  // submit from the newest checkpoint or savepoint of `job`, if it has one
  };
  Kind kind = Kind::kAnew;
  JobId job;
};

/// Pure. An unfinished job goes on, one that was stopped (Ctrl-C) or failed goes on from its last
/// checkpoint, a finished or cancelled one starts anew. Errors: kFailedPrecondition: the folder
/// holds an unfinished job of another name, or the one of this name came from another job file
/// (`same_spec` false).
absl::StatusOr<RunDecision> DecideRun(const std::vector<jobmanager::JobSummary>& jobs,
                                      const std::string& name, bool same_spec);

}  // namespace weir::client
