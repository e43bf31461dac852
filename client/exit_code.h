#pragma once

#include "absl/status/status.h"

namespace weir::client {

/// Exit codes of the contract (job-spec, section 2). Scripts rely on them.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,  // the thing asked for failed
  kExitUsage = 2,
  kExitNoSuchJob = 3,
  kExitRefused = 4,
  kExitUnreachable = 5,  // the cluster
  kExitWaitedTooLong = 6,
  kExitOurBug = 70,
  kExitInvalidConfig = 78,  // of the job file or the daemon
  kExitInterrupted = 130,
};

/// The exit code for an error that a JobApi call returned.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace weir::client
