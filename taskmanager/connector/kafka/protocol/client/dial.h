#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/protocol/client/broker_connection.h"
#include "taskmanager/connector/kafka/protocol/client/channel.h"

namespace weir::taskmanager::kafka::protocol {

/// Makes connections: TCP, TLS if it is asked for, ApiVersions, SASL. The dialer reads certificates when it is first
/// used, and may be copied.
/// Errors of the dialer: kUnauthenticated: the login or a certificate is refused, with mechanism and user; kUnavailable,
/// kDeadlineExceeded: nobody answers; kUnimplemented: a login method or a setting that this client lacks;
/// kInvalidArgument: a file of certificates that cannot be used. All name the broker.
Dialer MakeDialer(const ConnectionOptions& options, const Clock* clock);

/// The same connection as what it is made of, for a client that cannot log in by itself. Thread-safe.
using ChannelDialer =
    std::function<absl::StatusOr<std::unique_ptr<Channel>>(const Endpoint&, SteadyMicros deadline)>;
ChannelDialer MakeChannelDialer(const ConnectionOptions& options, const Clock* clock);

}  // namespace weir::taskmanager::kafka::protocol
