#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/ids.h"

namespace weir::taskmanager::kafka {

/// Whose transactional ids nobody may initialise: those of the attempt that runs and of later ones. Initialising an id
/// destroys what is open under it (invariant I3), so whoever fences, repairs or sweeps asks here first; there is no
/// other place.
///
/// Thread: a value.
class RunningAttempt {
 public:
  RunningAttempt(JobId job, Attempt attempt) : job_(std::move(job)), attempt_(attempt) {}

  /// kInternal: the id is not ours, or belongs to a running attempt.
  absl::Status MayInitialise(const std::string& transactional_id) const;

  const JobId& job() const { return job_; }
  Attempt attempt() const { return attempt_; }

 private:
  JobId job_;
  Attempt attempt_;
};

}  // namespace weir::taskmanager::kafka
