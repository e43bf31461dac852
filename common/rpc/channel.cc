#include "common/rpc/channel.h"

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>

#include <chrono>

#include "common/base/endpoint.h"
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

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
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
  return grpc::CreateCustomChannel(TargetOf(address), grpc::InsecureChannelCredentials(),
                                   arguments);
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
