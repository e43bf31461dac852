#pragma once

#include "client/arguments.h"
#include "client/context.h"
#include "common/job/connector_descriptor.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::client {

/// The daemons: they print one line with their addresses when they are ready, and leave on SIGTERM
/// or SIGINT with 0. Wrong settings: 78, everything at once. A port that is taken, a folder that
/// another process uses: 1. Thread: the main thread, before any other was started.
int RunJobManager(const Context& context, const Arguments& arguments,
                  const job::ConnectorCatalog& catalog,
                  const taskmanager::ConnectorRegistry& connectors);
int RunTaskManager(const Context& context, const Arguments& arguments,
                   const job::ConnectorCatalog& catalog,
                   const taskmanager::ConnectorRegistry& registry);

}  // namespace weir::client
