#include "taskmanager/exchange/grpc/grpc_transport.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/rpc/disposal.h"
#include "common/rpc/status.h"
#include "taskmanager/exchange/grpc/receiver_stream.h"
#include "taskmanager/exchange/grpc/sender_stream.h"
#include "weir/v1/exchange.grpc.pb.h"

namespace weir::taskmanager {
namespace {

constexpr char kJob[] = "weir-job", kAttempt[] = "weir-attempt", kFrom[] = "weir-from", kTo[] = "weir-to";

class RemoteOutput final : public OutputChannel {
 public:
  RemoteOutput(std::shared_ptr<SenderStream> stream, ChannelKey key, std::shared_ptr<SenderStream::ChannelState> state)
      : stream_(std::move(stream)), key_(key), state_(std::move(state)) {}
  absl::Status Send(Element element) override { return stream_->Send(key_, *state_, std::move(element)); }
  bool writable() const override { return stream_->writable(*state_); }

 private:
  std::shared_ptr<SenderStream> stream_;
  ChannelKey key_;
  std::shared_ptr<SenderStream::ChannelState> state_;
};

/// Refuses a stream at once.
class Refusal final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Refusal(const std::string& why) : Refusal(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, why)) {}
  explicit Refusal(const grpc::Status& why) { Finish(why); }
  void OnDone() override { delete this; }
};

std::string Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto it = context.client_metadata().find(key);
  return it == context.client_metadata().end() ? "" : std::string(it->second.data(), it->second.size());
}

}  // namespace

class GrpcTransport::Impl final : public v1::Exchange::WithRawCallbackMethod_Stream<v1::Exchange::Service>,
                                  public std::enable_shared_from_this<GrpcTransport::Impl> {
 public:
  Impl(Incarnation self, Security security) : self_(self), security_(std::move(security)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(grpc::CallbackServerContext* context) override {
    if (const auto who = security_.theirs->Admit(Metadata(*context, "authorization"), security::Role::kTaskManager,
                                                 "an exchange stream", context->peer());
        !who.ok()) {
      return new Refusal(rpc::ToGrpc(who.status()));
    }
    const std::string job = Metadata(*context, kJob);
    int64_t attempt = 0;
    uint64_t to = 0;
    if (job.empty() || !absl::SimpleAtoi(Metadata(*context, kAttempt), &attempt) ||
        !absl::SimpleAtoi(Metadata(*context, kTo), &to)) {
      return new Refusal("not a stream of a Weir exchange: its metadata is missing");
    }
    if (Incarnation(to) != self_) return new Refusal("meant for another incarnation of this TaskManager");
    std::lock_guard lock(mutex_);
    const auto ended = ended_.find(JobId{job});
    if (stopping_ || (ended != ended_.end() && attempt <= ended->second.value)) {
      return new Refusal(absl::StrCat("attempt ", attempt, " was ended here"));
    }
    const uint64_t number = ++streams_made_;
    auto stream = std::make_shared<ReceiverStream>(
        context, &local_, JobId{job}, Attempt(attempt), absl::StrCat(context->peer(), " (", Metadata(*context, kFrom), ")"),
        [self = shared_from_this(), number] { self->Gone(number); });
    receivers_[number] = {JobId{job}, Attempt(attempt), stream};
    stream->Start();
    return stream.get();
  }

  std::shared_ptr<SenderStream> StreamTo(const ChannelId& id, const std::string& address, Incarnation peer) {
    std::lock_guard lock(mutex_);
    if (stopping_) return nullptr;
    for (const auto& [number, sender] : senders_) {
      if (sender.job == id.job && sender.attempt == id.attempt && sender.peer == peer) return sender.stream;
    }
    const uint64_t number = ++streams_made_;
    auto stream = std::make_shared<SenderStream>(
        address, [self = shared_from_this(), number] { self->Gone(number); });
    senders_[number] = {id.job, id.attempt, peer, stream};
    stream->Start(address, *security_.ours, {{kJob, id.job.value},
                            {kAttempt, absl::StrCat(id.attempt.value)},
                            {kFrom, absl::StrCat(self_.value)},
                            {kTo, absl::StrCat(peer.value)}});
    return stream;
  }

  void EndAttempt(const JobId& job, Attempt attempt, const absl::Status& why) {
    std::vector<std::shared_ptr<SenderStream>> senders;
    std::vector<std::shared_ptr<ReceiverStream>> receivers;
    {
      std::lock_guard lock(mutex_);
      Attempt& ended = ended_[job];
      ended = std::max(ended, attempt);
      for (const auto& [number, sender] : senders_) {
        if (sender.job == job && sender.attempt <= attempt) senders.push_back(sender.stream);
      }
      for (const auto& [number, receiver] : receivers_) {
        if (receiver.job == job && receiver.attempt <= attempt) receivers.push_back(receiver.stream);
      }
    }
    local_.EndAttempt(job, attempt, why);
    for (const auto& stream : senders) stream->Cancel(why);
    for (const auto& stream : receivers) stream->Cancel();
  }

  void Shutdown() {
    std::vector<std::shared_ptr<SenderStream>> senders;
    std::vector<std::shared_ptr<ReceiverStream>> receivers;
    std::unique_lock lock(mutex_);
    stopping_ = true;
    for (const auto& [number, sender] : senders_) senders.push_back(sender.stream);
    for (const auto& [number, receiver] : receivers_) receivers.push_back(receiver.stream);
    lock.unlock();
    const absl::Status why = absl::UnavailableError("the TaskManager stops");
    for (const auto& stream : senders) stream->Cancel(why);
    for (const auto& stream : receivers) stream->Cancel();
    senders.clear();
    receivers.clear();
    lock.lock();
    gone_.wait(lock, [this] { return senders_.empty() && receivers_.empty(); });
  }

  LocalTransport& local() { return local_; }
  Incarnation self() const { return self_; }

 private:
  struct Sender {
    JobId job;
    Attempt attempt;
    Incarnation peer;
    std::shared_ptr<SenderStream> stream;
  };
  struct Receiver {
    JobId job;
    Attempt attempt;
    std::shared_ptr<ReceiverStream> stream;
  };

  void Gone(uint64_t number) {
    std::shared_ptr<void> last;
    std::lock_guard lock(mutex_);
    if (const auto it = senders_.find(number); it != senders_.end()) {
      rpc::Dispose(std::move(it->second.stream));
      senders_.erase(it);
    } else if (const auto other = receivers_.find(number); other != receivers_.end()) {
      last = other->second.stream;  // destroyed outside of the lock
      receivers_.erase(other);
    }
    gone_.notify_all();
  }

  const Incarnation self_;
  const Security security_;
  LocalTransport local_;
  std::mutex mutex_;
  std::condition_variable gone_;
  std::map<uint64_t, Sender> senders_;
  std::map<uint64_t, Receiver> receivers_;
  std::map<JobId, Attempt> ended_;
  uint64_t streams_made_ = 0;
  bool stopping_ = false;
};

GrpcTransport::GrpcTransport(Incarnation self, Security security)
    : impl_(std::make_shared<Impl>(self, std::move(security))) {}
GrpcTransport::~GrpcTransport() { Shutdown(); }

grpc::Service* GrpcTransport::service() { return impl_.get(); }

std::shared_ptr<InputChannel> GrpcTransport::Register(const ChannelId& id, std::function<void()> wake) {
  return impl_->local().Register(id, std::move(wake));
}

absl::StatusOr<std::unique_ptr<OutputChannel>> GrpcTransport::Connect(const ChannelId& id, const std::string& address,
                                                                      Incarnation peer, std::function<void()> wake) {
  if (peer == impl_->self()) return impl_->local().Connect(id, address, peer, std::move(wake));
  const std::shared_ptr<SenderStream> stream = impl_->StreamTo(id, address, peer);
  if (stream == nullptr) return absl::UnavailableError("the TaskManager stops");
  const ChannelKey key{id.edge, id.from_subtask, id.to_subtask};
  return std::make_unique<RemoteOutput>(stream, key, stream->Open(key, std::move(wake)));
}

void GrpcTransport::EndAttempt(const JobId& job, Attempt attempt, absl::Status why) {
  impl_->EndAttempt(job, attempt, why);
}

void GrpcTransport::Shutdown() { impl_->Shutdown(); }

}  // namespace weir::taskmanager
