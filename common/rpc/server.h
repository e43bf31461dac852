#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace weir::rpc {

/// Once, before the first gRPC object: settings of the library that have no other place, and its
/// log goes to ours. Thread: thread-safe, idempotent. Server and channels call it.
void Initialize();

/// A gRPC server with health checking and reflection.
///
/// Thread:  Start, Stop and the destructor from one thread.
/// Bound:   messages of at most kMaxMessageBytes: a larger one is RESOURCE_EXHAUSTED.
/// Errors:  Start: kInvalidArgument = not HOST:PORT, or not loopback without `insecure`;
/// kAlreadyExists = the port is
///          taken (named); kUnavailable = cannot be bound.
class Server {
 public:
  static constexpr int kMaxMessageBytes = 64 << 20;

  struct Options {
    std::string listen;     // HOST:PORT, port 0: any
    bool insecure = false;  // without TLS on an address that others reach
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
  Server() = default;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  int port_ = 0;
};

}  // namespace weir::rpc
