#pragma once

#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager {

/// The code of all connectors in this executable: for TaskManagers.
const ConnectorRegistry& BuiltinRegistry();

}  // namespace weir::taskmanager
