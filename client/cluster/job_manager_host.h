#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/job/connector_descriptor.h"
#include "common/security/path_roots.h"
#include "jobmanager/job_manager.h"
#include "jobmanager/leader_gate.h"
#include "jobmanager/metadata/leader_election.h"

namespace weir::client {

/// A JobManager process: stands for election and, while it leads, has a JobManager with all that it
/// is made of (its threads, the metadata store, the checkpoint storage). The same for the daemon,
/// for `weir run` and for the simulator.
///
/// Thread:  Start, Stop and the destructor from one thread.
/// Shape:   a lead that is lost takes its JobManager with it; the process then stands by, or ends
///          (`on_ended`) where there are no standbys.
/// Errors:  Start, without standbys: kFailedPrecondition: another JobManager uses the folder;
///          kDataLoss: a record in it is damaged; kUnavailable: the folder cannot be used. With
///          standbys it does not wait, and these come by `on_ended`.
class JobManagerHost {
 public:
  struct Settings {
    /// Null: the one that holds the folder `state_dir` leads.
    std::unique_ptr<jobmanager::LeaderElection> election;
    std::string state_dir;
    /// Where, besides the cluster's own storage, checkpoints of jobs may lie; null: anywhere.
    std::shared_ptr<const security::PathRoots> roots;
    jobmanager::JobManagerOptions options;
    std::function<absl::Status(const job::JobSpec& spec)> preflight;  // see JobManagerParts
    /// Empty: compiles with the catalog.
    std::function<absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>>(const std::string&)>
        compile;
  };
  /// `on_ended`: on a thread of its own; it will not lead any more, and the process must end.
  static absl::StatusOr<std::unique_ptr<JobManagerHost>> Start(
      Settings settings, const Clock* clock, const job::ConnectorCatalog* catalog,
      std::function<void(absl::Status)> on_ended);
  ~JobManagerHost();  // stops
  JobManagerHost(const JobManagerHost&) = delete;
  JobManagerHost& operator=(const JobManagerHost&) = delete;

  /// For users and TaskManagers; says who leads while this one does not.
  jobmanager::LeaderGate& gate();
  /// No event runs any more; what was promised to the disk is on it, and another one may lead. Calls
  /// have no effect from now on; before the host is destroyed there must be none. Idempotent.
  void Stop();

 private:
  JobManagerHost();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::client
