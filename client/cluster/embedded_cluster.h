#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/job/connector_descriptor.h"
#include "jobmanager/job_api.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::client {

/// A JobManager and TaskManagers in this process: the daemons' code with transports that pass
/// structs.
///
/// Thread:  from one thread, but for `api`.
/// Shape:   everything lies below the state folder: jobmanager/, checkpoints/, taskmanager-N/.
/// Errors:  Start: as JobManagerHost::Start.
class EmbeddedCluster {
 public:
  static absl::StatusOr<std::unique_ptr<EmbeddedCluster>> Start(
      const std::string& state_dir, const Clock* clock, const job::ConnectorCatalog* catalog,
      const taskmanager::ConnectorRegistry* registry);
  ~EmbeddedCluster();  // stops
  EmbeddedCluster(const EmbeddedCluster&) = delete;
  EmbeddedCluster& operator=(const EmbeddedCluster&) = delete;

  jobmanager::JobApi& api();
  /// Jobs that the JobManager has taken up start when these have registered.
  absl::Status StartTaskManagers(int count, int slots_each, int64_t memory_each);
  void Stop();

 private:
  EmbeddedCluster();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::client
