#pragma once

#include <memory>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// What mode B needs of a coordinator, by librdkafka alone: ClusterId and ReadMarker (a group's committed offset). It is
/// for logins that our own client lacks; `Supported` says false, everything else is kUnimplemented.
/// Thread: thread-safe. `clock` must outlive it; deadlines are of its steady time.
std::unique_ptr<TransactionCoordinator> MakeMarkerReader(const ConnectionOptions& connection, const Clock* clock);

}  // namespace weir::taskmanager::kafka
