#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/rpc/client_security.h"
#include "common/security/access.h"
#include "taskmanager/exchange/channel.h"

namespace grpc {
class Service;
}

namespace weir::taskmanager {

/// Channels between TaskManagers over gRPC: one stream per direction between two of them and attempt. Channels whose
/// receiver is in this process go by reference.
///
/// Thread:    thread-safe.
/// Handshake: metadata weir-job, weir-attempt, weir-from and weir-to (incarnations). A stream for another incarnation of
///            this TaskManager, or for an attempt that was ended here, is refused.
/// Errors:    a broken stream fails its channels at both ends and is never resumed.
class GrpcTransport final : public ExchangeTransport {
 public:
  /// Between TaskManagers: what we show, and whom we let in.
  struct Security {
    std::shared_ptr<const rpc::ClientSecurity> ours = rpc::ClientSecurity::None();
    std::shared_ptr<security::Access> theirs = security::Access::ForAll();
  };
  explicit GrpcTransport(Incarnation self) : GrpcTransport(self, Security()) {}
  GrpcTransport(Incarnation self, Security security);
  /// After Shutdown, and after the server that has the service was shut down.
  ~GrpcTransport() override;

  /// To be registered with the TaskManager's server.
  grpc::Service* service();

  std::shared_ptr<InputChannel> Register(const ChannelId& id, std::function<void()> wake) override;
  absl::StatusOr<std::unique_ptr<OutputChannel>> Connect(const ChannelId& id, const std::string& address,
                                                         Incarnation peer, std::function<void()> wake) override;
  void EndAttempt(const JobId& job, Attempt attempt, absl::Status why) override;
  /// Ends all streams and waits until they are gone. Idempotent.
  void Shutdown();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace weir::taskmanager
