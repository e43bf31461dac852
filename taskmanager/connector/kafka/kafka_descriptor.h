#pragma once

#include <memory>

#include "common/job/connector_descriptor.h"

namespace weir::taskmanager::kafka {

/// What a job file may say of `type: kafka`: keys, formats, checks that need no broker. Links no client library.
std::shared_ptr<const job::ConnectorDescriptor> Descriptor();

}  // namespace weir::taskmanager::kafka
