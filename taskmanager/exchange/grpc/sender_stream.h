#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/rpc/client_security.h"
#include "taskmanager/exchange/channel.h"
#include "taskmanager/exchange/grpc/frame.h"

namespace weir::taskmanager {

/// The sending side of the stream to one TaskManager: carries the frames of all channels to it, takes credit back.
///
/// Thread:  thread-safe; reactions run on gRPC's threads.
/// Bound:   kMaxBacklog bytes that the socket has not taken, beyond which every channel is not writable; what a step
///          overdraws comes on top.
/// Errors:  once broken it stays so: every Send returns why.
class SenderStream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                           public std::enable_shared_from_this<SenderStream> {
 public:
  static constexpr int64_t kMaxBacklog = 4 << 20;

  /// A channel's credit; shared with its OutputChannel.
  struct ChannelState {
    std::atomic<int64_t> outstanding{0};
    std::function<void()> wake;
  };

  /// `on_done` runs last, on a gRPC thread.
  SenderStream(std::string peer, std::function<void()> on_done) : peer_(std::move(peer)), on_done_(std::move(on_done)) {}

  /// Once. `metadata`: the handshake.
  void Start(const std::string& address, const rpc::ClientSecurity& security,
             const std::map<std::string, std::string>& metadata);
  std::shared_ptr<ChannelState> Open(const ChannelKey& key, std::function<void()> wake);
  absl::Status Send(const ChannelKey& key, ChannelState& channel, Element element);
  bool writable(const ChannelState& channel) const {
    if (failed_) return true;
    if (channel.outstanding >= InputChannel::kCapacityBytes) return false;
    if (backlog_ < kMaxBacklog) return true;
    backlog_blocked_ = true;
    return backlog_ < kMaxBacklog;  // written in between: nobody would wake us
  }
  void Cancel(absl::Status why);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  struct Queued {
    std::string header;
    std::unique_ptr<std::string> payload;
  };
  void WriteNext();  // under mutex_
  void Fail(absl::Status why);
  absl::Status TakeCredit(const grpc::ByteBuffer& message);

  const std::string peer_;
  bool tls_ = false;
  std::function<void()> on_done_;
  std::shared_ptr<SenderStream> self_;  // until OnDone
  std::unique_ptr<grpc::GenericStub> stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer reading_;
  grpc::ByteBuffer writing_;
  int64_t writing_bytes_ = 0;

  std::mutex mutex_;
  std::deque<Queued> queue_;
  bool write_under_way_ = false;
  bool closed_ = false;  // no operation may be started any more
  absl::Status why_;
  std::map<ChannelKey, std::shared_ptr<ChannelState>> channels_;
  std::atomic<int64_t> backlog_{0};
  std::atomic<bool> failed_{false};
  mutable std::atomic<bool> backlog_blocked_{false};
};

}  // namespace weir::taskmanager
