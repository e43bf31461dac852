#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "common/runtime/sync.h"
#include "taskmanager/exchange/channel.h"

namespace weir::taskmanager {

/// Channels between tasks of one process: a bounded queue each, batches passed by reference.
/// Thread: thread-safe. Bound: InputChannel::kCapacityBytes a channel, and what one step overdraws.
class LocalTransport final : public ExchangeTransport {
 public:
  std::shared_ptr<InputChannel> Register(const ChannelId& id, std::function<void()> wake) override;
  /// Ignores `address` and `peer`. A channel that nobody has registered is kUnavailable.
  absl::StatusOr<std::unique_ptr<OutputChannel>> Connect(const ChannelId& id, const std::string& address,
                                                         Incarnation peer, std::function<void()> wake) override;
  void EndAttempt(const JobId& job, Attempt attempt, absl::Status why) override;

  /// For a sender in another process: the registered queue, null when there is none. From now on `consumed` hears of the
  /// bytes that are taken out (task's thread).
  std::shared_ptr<InputChannel> AttachRemote(const ChannelId& id, std::function<void(int64_t bytes)> consumed);

  struct Link;

 private:
  runtime::Mutex mutex_;
  std::map<ChannelId, std::shared_ptr<Link>> links_;
};

}  // namespace weir::taskmanager
