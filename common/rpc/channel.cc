#include "common/rpc/channel.h"

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/rpc_method.h>

#include <chrono>

#include "common/base/endpoint.h"
#include "common/rpc/client_security.h"
#include "common/rpc/server.h"

namespace weir::rpc {
namespace {

/// A literal address needs no resolver, and so none that rests for seconds after a failure.
std::string TargetOf(const std::string& address) {
  const auto endpoint = Endpoint::Parse(address);
  if (!endpoint) return address;
  in6_addr buffer;
  if (inet_pton(AF_INET, endpoint->host.c_str(), &buffer) == 1) return "ipv4:" + address;
  if (inet_pton(AF_INET6, endpoint->host.c_str(), &buffer) == 1) return "ipv6:" + address;
  return "dns:///" + address;
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ClientSecurity* security) {
  Initialize();
  grpc::ChannelArguments arguments;
  // Channels share connections, and the pauses after failed ones, unless told not to.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);  // how long one attempt may take
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 500);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 256 * 1024);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(Server::kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(
      TargetOf(address),
      security != nullptr ? security->credentials() : grpc::InsecureChannelCredentials(), arguments);
}

std::string ExplainConnection(const std::string& message, bool tls) {
  auto has = [&](const char* part) { return message.find(part) != std::string::npos; };
  if (has("wrong version number")) return "the port there does not speak TLS";
  if (has("certificate verify failed") || has("CERTIFICATE_VERIFY_FAILED"))
    return "its certificate is not trusted: it has expired, or tls.ca did not sign it";
  if (has("Hostname Verification Check failed") || has("hostname") || has("Peer name"))
    return "its certificate names another host";
  if (has("ertificate") || has("alert")) return "it refused our certificate";
  if (!has("Socket closed") && !has("Connection reset") && !has("Broken pipe")) return "";
  return tls ? "it ended the connection: it may want a certificate that it trusts (tls.cert, tls.key; "
               "--tls-cert, --tls-key)"
             : "it ended the connection: it may speak TLS (tls.ca; --tls-ca)";
}

std::string WhyNotConnected(grpc::Channel* channel, bool tls) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::ByteBuffer nothing(nullptr, 0);
  grpc::ByteBuffer reply;
  const grpc::Status status =
      grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(channel, method, &context,
                                                                            nothing, &reply);
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return "";
  return ExplainConnection(status.error_message(), tls);
}

bool WaitUntilConnected(grpc::Channel* channel, int timeout_ms, WhenRefused when_refused) {
  const auto deadline =
      std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms);
  if (when_refused == WhenRefused::kTryAgain) return channel->WaitForConnected(deadline);
  // A channel that rests after an earlier failure is tried first.
  bool tried = false;
  while (true) {
    const grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_CONNECTING) tried = true;
    if (state == GRPC_CHANNEL_SHUTDOWN || (tried && state == GRPC_CHANNEL_TRANSIENT_FAILURE)) {
      return false;
    }
    if (!channel->WaitForStateChange(state, deadline)) return false;
  }
}

}  // namespace weir::rpc
