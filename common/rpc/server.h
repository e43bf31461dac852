#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/security_config.h"
#include "common/security/access.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace weir::net {
class ConnectionGate;
}

namespace weir::rpc {

/// Once, before the first gRPC object: settings of the library that have no other place, and its
/// log goes to ours. Thread: thread-safe, idempotent. Server and channels call it.
void Initialize();

/// A gRPC server with health checking and reflection, behind a gate (common/net) for its connections.
///
/// Thread:  Start, Stop and the destructor from one thread.
/// Bound:   messages of at most kMaxMessageBytes: a larger one is RESOURCE_EXHAUSTED; 5 s for a TLS
///          handshake and the first frame; 128 calls of a connection at once.
/// Errors:  Start: kInvalidArgument = not HOST:PORT, or not loopback without `insecure`;
/// kAlreadyExists = the port is
///          taken (named); kUnavailable = cannot be bound.
class Server {
 public:
  static constexpr int kMaxMessageBytes = 64 << 20;

  struct Options {
    std::string listen;     // HOST:PORT, port 0: any
    bool insecure = false;  // without TLS and tokens on an address that others reach
    config::TlsConfig tls;
    /// The services ask it; those of its peers whose calls it admits keep their connections.
    std::shared_ptr<security::Access> access;
  };
  /// `services` must outlive the server's Stop.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options,
                                                       const std::vector<grpc::Service*>& services);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// HOST:PORT as bound.
  const std::string& address() const { return address_; }
  int port() const { return port_; }
  /// Takes no more calls, waits for those under way for at most 2 s, cancels the rest and waits for
  /// their end. Every reactor must end when it is cancelled. Idempotent.
  void Stop();

 private:
  Server();
  std::shared_ptr<net::ConnectionGate> gate_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  int port_ = 0;
};

}  // namespace weir::rpc
