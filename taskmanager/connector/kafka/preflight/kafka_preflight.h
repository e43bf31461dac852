#pragma once

#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager::kafka {

/// Adds what `type: kafka` asks of its brokers before a job is started.
void RegisterPreflight(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::kafka
