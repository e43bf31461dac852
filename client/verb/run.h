#pragma once

#include "client/arguments.h"
#include "client/context.h"
#include "common/job/connector_descriptor.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::client {

/// `weir run`: an embedded cluster, one job. `context.api` is not used.
/// Thread: the main thread's.
int Run(Context context, const Arguments& arguments, const job::ConnectorCatalog& catalog,
        const taskmanager::ConnectorRegistry& registry);

}  // namespace weir::client
