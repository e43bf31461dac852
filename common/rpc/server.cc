#include "common/rpc/server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "common/base/endpoint.h"
#include "common/base/log/log.h"
#include "common/rpc/status.h"

namespace weir::rpc {
namespace {

void LogOfLibrary(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR) {
    LogRefused("gRPC", absl::InternalError(args->message), "");
  }
}

/// Why an address that gRPC could not bind cannot be bound: the library does not say.
absl::Status WhyNotBound(const Endpoint& endpoint) {
  const std::string name = endpoint.ToString();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) !=
      0) {
    return absl::InvalidArgumentError(absl::StrCat("listen: ", name, ": the host is not known"));
  }
  int error = 0;
  for (const addrinfo* one = found; one != nullptr && error == 0; one = one->ai_next) {
    const int fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (fd < 0) continue;
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, one->ai_addr, one->ai_addrlen) != 0 || listen(fd, 1) != 0) error = errno;
    close(fd);
  }
  freeaddrinfo(found);
  if (error == EADDRINUSE) {
    return absl::AlreadyExistsError(absl::StrCat("listen: ", name, " is taken by another process"));
  }
  return absl::UnavailableError(absl::StrCat("listen: cannot listen on ", name,
                                             error != 0 ? ": " : "",
                                             error != 0 ? std::strerror(error) : ""));
}

}  // namespace

void Initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Nobody forks after threads run; the handlers would stop every gRPC thread around each fork.
    setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 1);
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
  if (!endpoint->IsLoopback() && !options.insecure) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen: ", options.listen,
                     " is not a loopback address; without TLS this needs --insecure"));
  }
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(endpoint->ToString(), grpc::InsecureServerCredentials(), &port);
  // Else a second daemon would share the port, and calls would go to either.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 256 * 1024);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<Server> server(new Server());
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || port == 0) {
    if (server->server_ != nullptr) server->Stop();
    return WhyNotBound(*endpoint);
  }
  server->port_ = port;
  server->address_ = Endpoint{endpoint->host, port}.ToString();
  return server;
}

Server::~Server() { Stop(); }

void Server::Stop() {
  if (server_ == nullptr) return;
  if (auto* health = server_->GetHealthCheckService()) health->Shutdown();
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  server_->Wait();
  server_.reset();
}

}  // namespace weir::rpc
