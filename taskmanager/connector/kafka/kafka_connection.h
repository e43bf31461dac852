#pragma once

#include "common/config/diagnostics.h"
#include "common/job/job_spec.h"
#include "taskmanager/connector/kafka/kafka_options.h"

namespace weir::taskmanager::kafka {

/// Reads `brokers`, `security` and `client_properties` of a node.
///
/// Errors:  into `diagnostics` (null: not wanted), each at its place; never with a value that may be a secret.
ConnectionOptions ReadConnection(const job::Node& node, config::Diagnostics* diagnostics);

}  // namespace weir::taskmanager::kafka
