#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/clock.h"
#include "common/job/job_spec.h"

namespace weir::jobmanager {

/// Whether, and after how long, a failed attempt is followed by another.
/// Thread: confined; pure.
class RestartPolicy {
 public:
  explicit RestartPolicy(job::RestartSettings settings) : settings_(settings) {}

  /// An attempt failed: the delay before the next one, or nothing: give up.
  std::optional<SteadyMicros> OnFailure() {
    if (settings_.strategy == job::RestartStrategy::kNone || failures_ >= settings_.max_attempts)
      return std::nullopt;
    SteadyMicros delay = settings_.initial_delay;
    if (settings_.strategy == job::RestartStrategy::kExponential) {
      for (int i = 0; i < failures_ && delay < settings_.max_delay; ++i) delay *= 2;
      delay = std::min(delay, std::max(settings_.max_delay, settings_.initial_delay));
    }
    ++failures_;
    return delay;
  }
  /// An attempt completed a checkpoint: delay and count start anew.
  void OnProgress() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  const job::RestartSettings settings_;
  int failures_ = 0;
};

}  // namespace weir::jobmanager
