#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace grpc {
class Channel;
class ChannelInterface;
}  // namespace grpc

namespace weir::rpc {

class ClientSecurity;

/// A channel to HOST:PORT: one connection of its own, looked for again every 50 to 200 ms while
/// nobody answers; a peer that does not answer pings for 10 s counts as gone. Without `security`:
/// plain text. Thread: thread-safe.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const ClientSecurity* security = nullptr);

/// What gRPC's message on a failed connection means where TLS is the reason, in a user's words.
/// Empty when it is not.
std::string ExplainConnection(const std::string& message, bool tls);

/// Why a channel is not connected, by a call that asks for nothing. Blocks, for at most 200 ms.
std::string WhyNotConnected(grpc::Channel* channel, bool tls);

enum class WhenRefused : uint8_t { kTryAgain, kGiveUp };
/// Waits until the channel is connected, at most `timeout_ms`; `kGiveUp`: or until a try has failed.
bool WaitUntilConnected(grpc::Channel* channel, int timeout_ms,
                        WhenRefused when_refused = WhenRefused::kTryAgain);

}  // namespace weir::rpc
