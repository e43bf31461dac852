#include "common/rpc/client_security.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <utility>

#include "common/base/endpoint.h"
#include "common/base/status_macros.h"
#include "common/rpc/server.h"
#include "common/security/refusals.h"
#include "common/security/tls_server_context.h"

namespace weir::rpc {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

constexpr unsigned kLookEverySeconds = 1;

std::shared_ptr<grpc::ChannelCredentials> TlsBy(const config::TlsConfig& tls) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  if (!tls.cert.empty() && !tls.ca.empty()) {
    options.set_certificate_provider(std::make_shared<FileWatcherCertificateProvider>(
        tls.key, tls.cert, tls.ca, kLookEverySeconds));
  } else if (!tls.cert.empty()) {
    options.set_certificate_provider(
        std::make_shared<FileWatcherCertificateProvider>(tls.key, tls.cert, kLookEverySeconds));
  } else {
    options.set_certificate_provider(
        std::make_shared<FileWatcherCertificateProvider>(tls.ca, kLookEverySeconds));
  }
  if (!tls.cert.empty()) options.watch_identity_key_cert_pairs();
  if (!tls.ca.empty()) options.watch_root_certs();
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace

std::shared_ptr<const ClientSecurity> ClientSecurity::None() {
  Initialize();
  std::shared_ptr<ClientSecurity> made(new ClientSecurity());
  made->credentials_ = grpc::InsecureChannelCredentials();
  return made;
}

absl::StatusOr<std::shared_ptr<const ClientSecurity>> ClientSecurity::Make(
    const config::TlsConfig& tls, Token token) {
  Initialize();
  std::shared_ptr<ClientSecurity> made(new ClientSecurity());
  made->token_ = std::move(token);
  made->tls_ = tls.connects();
  if (made->tls_) {
    RETURN_IF_ERROR(security::CheckTlsFiles(tls));
    made->credentials_ = TlsBy(tls);
  } else {
    made->credentials_ = grpc::InsecureChannelCredentials();
  }
  return made;
}

void ClientSecurity::Authorize(grpc::ClientContext* context, const std::string& address) const {
  if (token_ == nullptr) return;
  const auto endpoint = Endpoint::Parse(address);
  if (!tls_ && (!endpoint || !endpoint->IsLoopback())) {
    security::Refuse(security::Refusal::kPlainText, "our token is not sent without TLS", address);
    return;
  }
  if (const std::string token = token_(); !token.empty())
    context->AddMetadata("authorization", "Bearer " + token);
}

}  // namespace weir::rpc
