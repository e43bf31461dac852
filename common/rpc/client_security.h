#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/config/security_config.h"

namespace grpc {
class ChannelCredentials;
class ClientContext;
}  // namespace grpc

namespace weir::rpc {

/// How channels check whom they talk to, and say who we are: TLS, our certificate, a token.
///
/// Thread:  thread-safe, shared; made once, as it holds a thread that looks at the files.
/// Shape:   with TLS the peer's certificate must be signed by `ca` (or the system's CAs) and name
///          the host that is asked for; certificates are read again when their files change.
/// Errors:  Make: kInvalidArgument, as security::CheckTlsFiles.
class ClientSecurity {
 public:
  /// What a call shows; empty: nothing. Asked for each call.
  using Token = std::function<std::string()>;

  /// Plain text, no token.
  static std::shared_ptr<const ClientSecurity> None();
  static absl::StatusOr<std::shared_ptr<const ClientSecurity>> Make(const config::TlsConfig& tls,
                                                                    Token token = nullptr);

  bool tls() const { return tls_; }
  const std::shared_ptr<grpc::ChannelCredentials>& credentials() const { return credentials_; }
  /// Before the call starts. A token goes over TLS, or to this machine, else it is left out.
  void Authorize(grpc::ClientContext* context, const std::string& address) const;

 private:
  ClientSecurity() = default;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  bool tls_ = false;
  Token token_;
};

}  // namespace weir::rpc
