#pragma once

#include <memory>
#include <string>

#include "common/job/connector_descriptor.h"

namespace weir::taskmanager::file {

/// What a job file may say of `type: file`.
std::shared_ptr<const job::ConnectorDescriptor> Descriptor();

/// The path of a source or sink: without `file://`, without slashes at the end.
std::string PathOf(const job::Node& node);

}  // namespace weir::taskmanager::file
