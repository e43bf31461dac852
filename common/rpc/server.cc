#include "common/rpc/server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/endpoint.h"
#include "common/base/status_macros.h"
#include "common/net/connection_gate.h"
#include "common/rpc/status.h"
#include "common/security/refusals.h"
#include "common/security/tls_server_context.h"

namespace weir::rpc {
namespace {

/// Handshakes that fail are told at a level that is otherwise silent, and without the peer.
constexpr std::string_view kHandshake = "Handshaking failed: ";

void LogOfLibrary(gpr_log_func_args* args) {
  const std::string_view message(args->message);
  if (message.starts_with(kHandshake)) {
    std::string_view why = message.substr(kHandshake.size());
    why = why.substr(0, why.find(" {"));
    security::Refuse(security::Refusal::kTlsHandshake,
                     "a connection whose handshake failed: " + std::string(why), "");
  } else if (args->severity == GPR_LOG_SEVERITY_ERROR &&
             message.find("Handshake failed") == std::string_view::npos) {
    LogRefused("gRPC", absl::InternalError(args->message), "");
  }
}

std::shared_ptr<grpc::ServerCredentials> CredentialsBy(const config::TlsConfig& tls) {
  if (!tls.serves()) return grpc::InsecureServerCredentials();
  using grpc::experimental::FileWatcherCertificateProvider;
  constexpr unsigned kLookEverySeconds = 1;
  std::shared_ptr<FileWatcherCertificateProvider> files;
  if (tls.ca.empty()) {
    files = std::make_shared<FileWatcherCertificateProvider>(tls.key, tls.cert, kLookEverySeconds);
  } else {
    files = std::make_shared<FileWatcherCertificateProvider>(tls.key, tls.cert, tls.ca, kLookEverySeconds);
  }
  grpc::experimental::TlsServerCredentialsOptions options(files);
  options.watch_identity_key_cert_pairs();
  if (!tls.ca.empty()) options.watch_root_certs();
  options.set_cert_request_type(tls.require_client_cert
                                    ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                    : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace

void Initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Nobody forks after threads run; the handlers would stop every gRPC thread around each fork.
    setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_DEBUG);
    gpr_set_log_function(LogOfLibrary);
    // It writes a line for every bad string that a peer sends, however many; we say once a second what was refused.
    google::protobuf::SetLogHandler(nullptr);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& options,
                                                      const std::vector<grpc::Service*>& services) {
  Initialize();
  const auto endpoint = Endpoint::Parse(options.listen);
  if (!endpoint)
    return absl::InvalidArgumentError(
        absl::StrCat("listen: `", options.listen, "` is not HOST:PORT"));
  const bool asks = options.access != nullptr && options.access->asks();
  if (!endpoint->IsLoopback() && !options.insecure && !(options.tls.serves() && asks)) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen: ", options.listen,
                     " is not a loopback address; without TLS and tokens this needs --insecure"));
  }
  RETURN_IF_ERROR(security::CheckTlsFiles(options.tls));
  std::unique_ptr<Server> server(new Server());
  ASSIGN_OR_RETURN(server->gate_, net::ConnectionGate::Open(options.listen, {.tls = options.tls.serves()}));
  grpc::ServerBuilder builder;
  const std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor =
      builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
          CredentialsBy(options.tls));
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 256 * 1024);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  // Of handshakes, and of the first frame after them.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 128);
  for (grpc::Service* service : services) builder.RegisterService(service);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) return absl::InternalError("gRPC does not start a server");
  server->port_ = server->gate_->port();
  server->address_ = server->gate_->address();
  if (options.access != nullptr) {
    options.access->OnAdmitted([gate = std::weak_ptr<net::ConnectionGate>(server->gate_)](
                                   std::string_view peer) {
      if (const auto there = gate.lock()) there->Trust(peer);
    });
  }
  server->gate_->Serve([acceptor](int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = -1;
    connection.fd = fd;
    acceptor->HandleNewConnection(&connection);
  });
  return server;
}

Server::Server() = default;
Server::~Server() { Stop(); }

void Server::Stop() {
  if (gate_ != nullptr) gate_->Stop();
  if (server_ == nullptr) return;
  if (auto* health = server_->GetHealthCheckService()) health->Shutdown();
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  server_->Wait();
  server_.reset();
}

}  // namespace weir::rpc
