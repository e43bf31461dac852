#pragma once

#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager::kafka {

/// Adds the sink `kafka`.
void RegisterSink(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::kafka
