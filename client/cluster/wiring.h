#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/checkpoint/storage.h"
#include "common/job/connector_descriptor.h"
#include "common/plan/plan.h"
#include "common/security/path_roots.h"
#include "taskmanager/task_manager.h"

namespace weir::client {

/// Serialized weir.v1.JobSpec to a plan, as JobManager and TaskManagers need it. `catalog` must
/// outlive the result.
std::function<absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>>(const std::string& spec)>
Compiler(const job::ConnectorCatalog* catalog);

/// What a JobManager asks of the systems outside before it takes a job.
std::function<absl::Status(const job::JobSpec& spec)> PreflightBy(
    const taskmanager::ConnectorRegistry* registry, const Clock* clock);

/// Checkpoint storage by its URI; `create`: make the root folder.
absl::StatusOr<std::shared_ptr<checkpoint::Storage>> OpenStorage(const std::string& uri,
                                                                 bool create);

/// OpenStorage, but kInvalidArgument for storage that is neither below `own` (the cluster's) nor
/// below the roots. Null: any.
std::function<absl::StatusOr<std::shared_ptr<checkpoint::Storage>>(const std::string& uri, bool create)>
StorageWithin(const std::shared_ptr<const security::PathRoots>& roots, const std::string& own);

/// What daemon and embedded TaskManagers have in common; `connector` and `transport` are left to
/// set.
taskmanager::TaskManagerParts CommonParts(const Clock* clock, const job::ConnectorCatalog* catalog,
                                          const taskmanager::ConnectorRegistry* registry);

}  // namespace weir::client
