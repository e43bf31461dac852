#pragma once

#include <memory>

#include "common/job/connector_descriptor.h"

namespace weir::taskmanager::discard {

/// What a job file may say of `type: discard`.
std::shared_ptr<const job::ConnectorDescriptor> Descriptor();

}  // namespace weir::taskmanager::discard
