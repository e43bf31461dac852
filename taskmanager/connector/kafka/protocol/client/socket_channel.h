#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "taskmanager/connector/kafka/protocol/client/channel.h"

namespace weir::taskmanager::kafka::protocol {

/// A TCP connection: every address of the name is tried in its order.
/// Errors: kUnavailable: nobody listens, or the name is not known; kDeadlineExceeded.
absl::StatusOr<std::unique_ptr<Channel>> ConnectSocket(const Endpoint& endpoint, const Clock* clock,
                                                       SteadyMicros deadline);

}  // namespace weir::taskmanager::kafka::protocol
