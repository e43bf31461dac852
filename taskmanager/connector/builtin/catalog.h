#pragma once

#include "common/job/connector_descriptor.h"

namespace weir::taskmanager {

/// Descriptors of all connectors in this executable: for whatever validates job files. Links no client library.
const job::ConnectorCatalog& BuiltinCatalog();

}  // namespace weir::taskmanager
