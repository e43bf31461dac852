#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/job/connector_descriptor.h"
#include "jobmanager/job_manager.h"

namespace weir::client {

/// A JobManager with all that it is made of: its threads, the metadata store in `state_dir`, the
/// checkpoint storage. The same for the daemon and for `weir run`.
///
/// Thread:  Start, Stop and the destructor from one thread.
/// Errors:  Start: kFailedPrecondition: another JobManager uses the folder; kDataLoss: a record in
/// it is damaged;
///          kUnavailable: the folder cannot be used.
class JobManagerHost {
 public:
  struct Settings {
    std::string state_dir;
    jobmanager::JobManagerOptions options;
    std::function<absl::Status(const job::JobSpec& spec)> preflight;  // see JobManagerParts
  };
  /// `on_deposed`: on the JobManager's thread; the process must end.
  static absl::StatusOr<std::unique_ptr<JobManagerHost>> Start(
      Settings settings, const Clock* clock, const job::ConnectorCatalog* catalog,
      std::function<void(absl::Status)> on_deposed);
  ~JobManagerHost();  // stops
  JobManagerHost(const JobManagerHost&) = delete;
  JobManagerHost& operator=(const JobManagerHost&) = delete;

  jobmanager::JobManager& job_manager();
  /// No event runs any more; what was promised to the disk is on it. Calls of the JobManager have
  /// no effect from now on; before the host is destroyed there must be none. Idempotent.
  void Stop();

 private:
  JobManagerHost();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::client
