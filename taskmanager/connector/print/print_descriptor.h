#pragma once

#include <memory>

#include "common/job/connector_descriptor.h"

namespace weir::taskmanager::print {

/// What a job file may say of `type: print`.
std::shared_ptr<const job::ConnectorDescriptor> Descriptor();

}  // namespace weir::taskmanager::print
