#pragma once

#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager::discard {

/// Adds the `discard` sink: rows are counted by the runtime and forgotten.
void Register(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::discard
