#pragma once

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

/// Waits until the channel is connected, at most `timeout_ms`.
bool WaitUntilConnected(grpc::Channel* channel, int timeout_ms);

}  // namespace weir::rpc
