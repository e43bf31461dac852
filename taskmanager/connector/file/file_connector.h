#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager::file {

/// Adds the `file` source and sink.
void Register(ConnectorRegistry* registry);

}  // namespace weir::taskmanager::file
