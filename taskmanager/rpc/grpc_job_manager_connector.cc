#include "taskmanager/rpc/grpc_job_manager_connector.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/control/proto/convert.h"
#include "common/rpc/channel.h"
#include "common/rpc/disposal.h"
#include "common/rpc/status.h"
#include "weir/v1/control.grpc.pb.h"

namespace weir::taskmanager {
namespace {

constexpr size_t kMaxQueuedBytes = 64 << 20;

/// One stream. Lives until OnDone and until the link lets it go.
class ControlCall final : public grpc::ClientBidiReactor<v1::ToJobManager, v1::ToTaskManager> {
 public:
  ControlCall(std::shared_ptr<grpc::Channel> channel, std::string address,
              const rpc::ClientSecurity& security, control::JobManagerConnector::Events events)
      : address_(std::move(address)),
        events_(std::move(events)),
        channel_(std::move(channel)),
        stub_(v1::Control::NewStub(channel_)) {
    security.Authorize(&context_, address_);
  }

  void Start(std::shared_ptr<ControlCall> self) {
    self_ = std::move(self);
    stub_->async()->Connect(&context_, this);
    AddHold();  // for writes from outside; let go when reading ends
    StartRead(&in_);
    StartCall();
  }

  void Send(const control::ToJobManager& message) {
    v1::ToJobManager wire;
    control::ToProto(message, &wire);
    std::lock_guard lock(mutex_);
    if (ended_) return;
    const size_t bytes = wire.ByteSizeLong();
    if (!queue_.empty() && queued_bytes_ + bytes > kMaxQueuedBytes) {
      Break(absl::ResourceExhaustedError(
          absl::StrCat("the JobManager at ", address_, " does not read what it is sent")));
      return;
    }
    queued_bytes_ += bytes;
    queue_.push_back(std::move(wire));
    WriteNext();
  }

  /// No event after it; ends the stream and waits for that, unless this thread is in an event of
  /// it.
  void Detach() {
    std::unique_lock lock(mutex_);
    detached_ = true;
    Break(absl::CancelledError("the TaskManager closed the stream"));
    changed_.wait(lock, [&] { return done_ || event_thread_ == std::this_thread::get_id(); });
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      std::lock_guard lock(mutex_);
      ended_ = true;
      RemoveHold();
      return;
    }
    absl::StatusOr<control::ToTaskManager> message = control::FromProto(in_);
    if (message.ok()) {
      if (BeginEvent()) {
        events_.on_message(*std::move(message));
        EndEvent();
      }
    } else {
      std::lock_guard lock(mutex_);
      Break(message.status());
    }
    in_.Clear();
    StartRead(&in_);
  }

  void OnWriteDone(bool) override {
    // Of a failed write the end of reading tells.
    std::lock_guard lock(mutex_);
    writing_ = false;
    WriteNext();
  }

  void OnDone(const grpc::Status& status) override {
    absl::Status why;
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      why = !broken_.ok() ? broken_ : rpc::FromGrpc(status);
    }
    if (why.ok())
      why = absl::UnavailableError(
          absl::StrCat("the JobManager at ", address_, " ended the control stream"));
    if (BeginEvent()) {
      events_.on_closed(std::move(why));
      EndEvent();
    }
    std::shared_ptr<ControlCall> self;
    {
      std::lock_guard lock(mutex_);
      done_ = true;
      self = std::move(self_);
      changed_.notify_all();
    }
    rpc::Dispose(std::move(self));
  }

  void WriteNext() {
    if (writing_ || ended_ || queue_.empty()) return;
    out_ = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= std::min(queued_bytes_, out_.ByteSizeLong());
    writing_ = true;
    StartWrite(&out_);
  }
  void Break(absl::Status why) {
    ended_ = true;
    queue_.clear();
    if (broken_.ok()) broken_ = std::move(why);
    context_.TryCancel();
  }
  bool BeginEvent() {
    std::lock_guard lock(mutex_);
    if (detached_) return false;
    event_thread_ = std::this_thread::get_id();
    return true;
  }
  void EndEvent() {
    std::lock_guard lock(mutex_);
    event_thread_ = {};
  }

  const std::string address_;
  const control::JobManagerConnector::Events events_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::Control::Stub> stub_;
  grpc::ClientContext context_;
  v1::ToTaskManager in_;
  v1::ToJobManager out_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::ToJobManager> queue_;
  size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool ended_ = false;     // nothing is written any more
  bool detached_ = false;  // nobody listens any more
  bool done_ = false;
  absl::Status broken_;  // why we ended it
  std::thread::id event_thread_;
  std::shared_ptr<ControlCall> self_;
};

class GrpcLink final : public control::JobManagerLink {
 public:
  explicit GrpcLink(std::shared_ptr<ControlCall> call) : call_(std::move(call)) {}
  ~GrpcLink() override {
    call_->Detach();
    rpc::Dispose(std::move(call_));  // this may be an event of the call
  }
  void Send(control::ToJobManager message) override { call_->Send(message); }

 private:
  std::shared_ptr<ControlCall> call_;
};

}  // namespace

GrpcJobManagerConnector::GrpcJobManagerConnector(
    std::vector<std::string> addresses, std::shared_ptr<const rpc::ClientSecurity> security)
    : addresses_(std::move(addresses)), security_(std::move(security)) {
  WEIR_CHECK(!addresses_.empty());
}
GrpcJobManagerConnector::~GrpcJobManagerConnector() = default;

absl::StatusOr<std::unique_ptr<control::JobManagerLink>> GrpcJobManagerConnector::Connect(
    Events events) {
  const int each_ms = std::max(100, 1000 / static_cast<int>(addresses_.size()));
  std::string why;
  for (size_t i = 0; i < addresses_.size(); ++i) {
    const std::string& address = addresses_[next_];
    next_ = (next_ + 1) % addresses_.size();
    // A fresh channel: an old one may still be resting after its failures.
    std::shared_ptr<grpc::Channel> channel = rpc::MakeChannel(address, security_.get());
    const auto when_refused =
        addresses_.size() == 1 ? rpc::WhenRefused::kTryAgain : rpc::WhenRefused::kGiveUp;
    if (!rpc::WaitUntilConnected(channel.get(), each_ms, when_refused)) {
      if (const std::string reason = rpc::WhyNotConnected(channel.get(), security_->tls()); !reason.empty())
        absl::StrAppend(&why, "; ", address, ": ", reason);
      continue;
    }
    auto call =
        std::make_shared<ControlCall>(std::move(channel), address, *security_, std::move(events));
    call->Start(call);
    return std::make_unique<GrpcLink>(std::move(call));
  }
  return absl::UnavailableError(
      absl::StrCat("no JobManager answers at ", absl::StrJoin(addresses_, ", "), why));
}

}  // namespace weir::taskmanager
