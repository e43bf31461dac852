#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::net {

/// Sockets that listen on one address: several where a name has several (`localhost`).
/// Thread: a value that closes them.
class Listening {
 public:
  /// `key` names the address in messages, `listen`. Port 0: any.
  /// Errors:  kInvalidArgument = not HOST:PORT, or the host is not known; kAlreadyExists = the port
  ///          is taken (named); kUnavailable = cannot be bound.
  static absl::StatusOr<Listening> On(const std::string& address, const std::string& key);
  Listening() = default;
  ~Listening();
  Listening(Listening&& other) noexcept;
  Listening& operator=(Listening&& other) noexcept;

  void Close();
  const std::vector<int>& fds() const { return fds_; }
  /// HOST:PORT as bound.
  const std::string& address() const { return address_; }
  int port() const { return port_; }

 private:
  std::vector<int> fds_;
  std::string address_;
  int port_ = 0;
};

/// The other end of a connected socket as gRPC writes it: `ipv4:127.0.0.1:4711`.
std::string PeerOf(int fd);

}  // namespace weir::net
