#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/ids.h"

namespace weir::taskmanager::kafka {

/// The consumer groups of a cluster, of which markers' have the names of transactional ids.
/// Thread: thread-safe; calls block until they know, or until `deadline` (steady microseconds): then kUnavailable.
/// Errors: kPermissionDenied (which right is missing), kUnauthenticated, kUnavailable, kUnimplemented.
class MarkerGroups {
 public:
  virtual ~MarkerGroups() = default;
  /// Of all brokers, those whose names begin with `prefix`.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& prefix, SteadyMicros deadline) = 0;
  /// With all its offsets. One that is not there is no error.
  virtual absl::Status Delete(const std::string& group, SteadyMicros deadline) = 0;
};

/// Deletes the markers that nobody can ask for any more: of attempts below `keep_from`, of which no retained checkpoint is,
/// and below the running one. A checkpoint's handles are of its own attempt, because every attempt resolves those of the
/// one before; a savepoint has none.
///
/// Thread:  confined.
/// Errors:  the first of the groups', after all were tried.
class MarkerCleaner {
 public:
  struct Options {
    JobId job;
    Attempt attempt;
    std::string sink;
    Attempt keep_from;
    SteadyMicros call_micros = 5'000'000;
  };
  MarkerCleaner(Options options, MarkerGroups* groups, const Clock* clock);

  /// How many were deleted.
  absl::StatusOr<int64_t> Clean();

 private:
  bool MayDelete(const std::string& group) const;

  const Options options_;
  MarkerGroups* const groups_;
  const Clock* const clock_;
};

}  // namespace weir::taskmanager::kafka
