#pragma once

#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager::kafka {

/// Adds the source of `type: kafka`.
void RegisterSource(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::kafka
