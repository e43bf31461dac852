#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace grpc {
class Channel;
class ChannelInterface;
}  // namespace grpc

namespace weir::rpc {

/// A channel to HOST:PORT: one connection of its own, no TLS, looked for again every 50 to 200 ms
/// while nobody answers; a peer that does not answer pings for 10 s counts as gone. Thread:
/// thread-safe.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

enum class WhenRefused : uint8_t { kTryAgain, kGiveUp };
/// Waits until the channel is connected, at most `timeout_ms`; `kGiveUp`: or until a try has failed.
bool WaitUntilConnected(grpc::Channel* channel, int timeout_ms,
                        WhenRefused when_refused = WhenRefused::kTryAgain);

}  // namespace weir::rpc
