#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "taskmanager/exchange/grpc/frame.h"
#include "taskmanager/exchange/local_transport.h"

namespace weir::taskmanager {

/// The receiving side of a stream from one TaskManager: puts what comes into the channels' queues, returns credit.
///
/// Thread:  thread-safe; reactions run on gRPC's threads.
/// Bound:   the queues', by the sender's credit. Reading never waits for a queue.
/// Errors:  a damaged frame, or one for a channel that is not registered, ends the stream and fails its channels.
class ReceiverStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                             public std::enable_shared_from_this<ReceiverStream> {
 public:
  ReceiverStream(grpc::CallbackServerContext* context, LocalTransport* channels, JobId job, Attempt attempt,
                 std::string peer, std::function<void()> on_done);

  void Start();
  /// Ends it soon, by way of OnReadDone.
  void Cancel();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  struct Channel {
    std::shared_ptr<InputChannel> input;
    int64_t consumed = 0;  // not yet returned; under mutex_
  };
  absl::Status Take(const grpc::ByteBuffer& message);
  absl::StatusOr<InputChannel*> Find(const ChannelKey& key);
  void ReturnCredit(const ChannelKey& key, int64_t bytes);
  void WriteNext();  // under mutex_
  void End(absl::Status why);

  grpc::CallbackServerContext* context_;
  LocalTransport* channels_of_;
  const JobId job_;
  const Attempt attempt_;
  const std::string peer_;
  std::function<void()> on_done_;
  std::shared_ptr<ReceiverStream> self_;
  grpc::ByteBuffer reading_;
  grpc::ByteBuffer writing_;

  std::mutex mutex_;
  std::map<ChannelKey, Channel> channels_;
  std::map<ChannelKey, int64_t> due_;  // credit to return
  bool write_under_way_ = false;
  bool ended_ = false;
};

}  // namespace weir::taskmanager
