#pragma once

#include <sys/socket.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/base/endpoint.h"
#include "taskmanager/connector/kafka/kafka_options.h"

namespace weir::taskmanager::kafka {

/// Logs in for librdkafka where it cannot: before 2.2 it repeats the client's nonce in the last
/// SCRAM message, which brokers refuse since they check it (Kafka 3.7.2, 3.8.1, 3.9). Our own
/// client connects and logs in, TLS included; librdkafka speaks plaintext to a socket pair, and a
/// thread per connection carries bytes between the two.
///
/// Thread:  thread-safe; Connect blocks until logged in, for at most 10 s. The threads end with
/// their connections and
///          need nothing of this object.
class LoginRelay {
 public:
  explicit LoginRelay(const ConnectionOptions& options);
  ~LoginRelay();

  static bool IsNeeded(const ConnectionOptions& options);
  /// librdkafka's connect_cb: afterwards `fd` is one end of the pair. `broker` is librdkafka's name
  /// of it
  /// (`kafka:9092/1`, `TxnCoordinator`). kUnauthenticated: the login or the certificate is refused.
  absl::Status Connect(int fd, const sockaddr* address, const std::string& broker);

 private:
  class Dialing;
  Endpoint NameOf(const Endpoint& address, const std::string& broker);

  const std::unique_ptr<Dialing> dialing_;
  std::vector<Endpoint> brokers_;  // of the options
  std::mutex mutex_;
  std::map<std::string, Endpoint> names_;  // by address
};

}  // namespace weir::taskmanager::kafka
