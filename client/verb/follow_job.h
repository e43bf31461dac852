#pragma once

#include "client/context.h"
#include "client/follow.h"
#include "client/job_file.h"
#include "client/terminal/progress.h"

namespace weir::client {

/// A job of a file that `run` and `submit` follow to its end, with progress on stderr.
/// Thread: the main thread's.
class FollowedJob {
 public:
  FollowedJob(const Context& context, const JobFile& file, bool json);
  /// Until it ends or the user interrupts.
  FollowOutcome Follow(const JobId& job);
  /// Says how the job ended (as JSON on stdout if asked for); the exit code.
  int Report(const jobmanager::JobStatus& status);
  /// The last status on stdout, if JSON was asked for.
  void PrintJson(const jobmanager::JobStatus& status);

 private:
  const Context context_;
  const bool json_;
  Progress progress_;
};

}  // namespace weir::client
