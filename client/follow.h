#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "client/context.h"
#include "jobmanager/job_api.h"

namespace weir::client {

enum class FollowEnd : uint8_t { kReached, kEnded, kInterrupted, kTimedOut, kFailed };

struct FollowOptions {
  /// Ends the following with kReached; empty: only the job's end does.
  std::function<bool(const jobmanager::JobStatus&)> until;
  std::function<void(const jobmanager::JobStatus&)> on_status;
  int64_t timeout_ms = -1;  // negative: none
  /// How long a JobManager that was there may be away before it counts as not reachable.
  int64_t patience_ms = 60'000;
};

struct FollowOutcome {
  FollowEnd end = FollowEnd::kFailed;
  std::optional<jobmanager::JobStatus> status;  // the last one seen
  absl::Status error;                           // kFailed
};

/// Watches a job until it ends, `until` holds, the user interrupts, or the time is over. A
/// JobManager that goes away is asked again, once it has answered; one that was never there is an
/// error at once. Thread:  the caller's blocks; callbacks run on it. Errors:  as JobApi::Watch.
FollowOutcome Follow(const Context& context, const std::string& job, const FollowOptions& options);

}  // namespace weir::client
