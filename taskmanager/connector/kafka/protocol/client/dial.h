#pragma once

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/protocol/client/broker_connection.h"

namespace weir::taskmanager::kafka::protocol {

/// Makes connections: TCP, TLS if it is asked for, ApiVersions, SASL. The dialer reads certificates when it is first
/// used, and may be copied.
/// Errors of the dialer: kUnauthenticated: the login or a certificate is refused, with mechanism and user; kUnavailable,
/// kDeadlineExceeded: nobody answers; kUnimplemented: a login method or a setting that this client lacks;
/// kInvalidArgument: a file of certificates that cannot be used. All name the broker.
Dialer MakeDialer(const ConnectionOptions& options, const Clock* clock);

}  // namespace weir::taskmanager::kafka::protocol
