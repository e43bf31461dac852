#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/protocol/client/channel.h"

namespace weir::taskmanager::kafka::protocol {

/// Whom to trust and who we are: what the TLS connections of one client share. Thread: thread-safe.
class TlsContext {
 public:
  virtual ~TlsContext() = default;
  /// TLS over `below`, shaken hands. The certificate must be of a trusted CA and, unless told otherwise, of `host`.
  /// Errors: kUnauthenticated: one side does not accept the other's certificate, with what to set; those of `below`.
  virtual absl::StatusOr<std::unique_ptr<Channel>> Start(std::unique_ptr<Channel> below, const std::string& host,
                                                         SteadyMicros deadline) const = 0;
};

/// Reads the CA, the certificate and the key. kInvalidArgument: which file cannot be used, and why.
absl::StatusOr<std::unique_ptr<TlsContext>> MakeTlsContext(const ConnectionOptions& options);

}  // namespace weir::taskmanager::kafka::protocol
