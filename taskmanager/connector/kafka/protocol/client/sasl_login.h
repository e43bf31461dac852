#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/protocol/client/broker_connection.h"

namespace weir::taskmanager::kafka::protocol {

/// PLAIN or SCRAM. Returns for how many milliseconds the login holds, 0: for ever.
/// Errors: kUnauthenticated: refused, with mechanism and user, never the password; those of the connection.
absl::StatusOr<int64_t> LogIn(BrokerConnection& broker, const ConnectionOptions& options, SteadyMicros deadline);

}  // namespace weir::taskmanager::kafka::protocol
