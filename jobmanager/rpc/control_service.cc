#include "jobmanager/rpc/control_service.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/control/proto/convert.h"
#include "common/rpc/status.h"
#include "jobmanager/rpc/writing_reactor.h"
#include "weir/v1/control.pb.h"

namespace weir::jobmanager {
namespace {

constexpr size_t kMaxQueuedBytes = 64 << 20;
constexpr size_t kMaxQueuedMessages = 65536;

}  // namespace

/// One TaskManager's stream. The service keeps it until OnDone; the JobManager may keep it longer.
class ControlStream final : public WritingReactor<BidiReactor>, public control::TaskManagerLink {
 public:
  ControlStream(ControlService* service, grpc::CallbackServerContext* context)
      : WritingReactor(context),
        streams_(service->streams_),
        handler_(service->handler_),
        peer_(context->peer()) {}

  void Open(std::shared_ptr<ControlStream> self) {
    handler_->OnOpened(std::move(self), peer_);
    StartRead(&in_);
  }

  void Send(control::ToTaskManager message) override {
    v1::ToTaskManager wire;
    control::ToProto(message, &wire);
    grpc::ByteBuffer bytes;
    rpc::Serialize(wire, &bytes);
    Enqueue(std::move(bytes), kMaxQueuedMessages, kMaxQueuedBytes, WhenFull::kEnd);
  }
  void Close(absl::Status reason) override {
    NoteEnd(reason);
    End(reason);
  }
  /// For a peer that does not read.
  void CancelStream() { Cancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      NoteEnd(absl::UnavailableError("the control stream broke or was ended by the TaskManager"));
      EndNow(absl::OkStatus());
      return;
    }
    v1::ToJobManager wire;
    absl::Status status = rpc::Parse(in_, "ToJobManager", &wire);
    if (status.ok()) {
      absl::StatusOr<control::ToJobManager> message = control::FromProto(wire);
      status = message.status();
      if (status.ok()) handler_->OnMessage(this, *std::move(message));
    }
    if (!status.ok()) {
      rpc::LogRefused("a control message", status, peer_.c_str());
      NoteEnd(status);
      EndNow(status);
      return;
    }
    StartRead(&in_);
  }
  void OnDone() override {
    absl::Status why;
    {
      std::lock_guard lock(why_mutex_);
      why = why_.ok() ? absl::UnavailableError("the control stream broke") : why_;
    }
    handler_->OnClosed(this, std::move(why));
    const auto streams = streams_;
    streams->Remove(this);
  }
  void NoteEnd(const absl::Status& why) {
    std::lock_guard lock(why_mutex_);
    if (why_.ok()) why_ = why;
  }

  const std::shared_ptr<ControlService::Streams> streams_;
  control::TaskManagerLinkHandler* const handler_;
  const std::string peer_;
  grpc::ByteBuffer in_;
  std::mutex why_mutex_;
  absl::Status why_;
};

ControlService::~ControlService() = default;

BidiReactor* ControlService::Connect(grpc::CallbackServerContext* context) {
  if (const auto who = access_->Admit(AuthorizationOf(*context), security::Role::kTaskManager,
                                      "a TaskManager's control stream", context->peer());
      !who.ok()) {
    return new Refusal(context, who.status());
  }
  auto stream = std::make_shared<ControlStream>(this, context);
  {
    std::lock_guard lock(streams_->mutex);
    if (streams_->stopping) {
      return new Refusal(context, absl::UnavailableError("the JobManager is leaving"));
    }
    streams_->open.emplace(stream.get(), stream);
  }
  stream->Open(stream);
  return stream.get();
}

void ControlService::Streams::Remove(ControlStream* stream) {
  std::shared_ptr<ControlStream> last;
  std::lock_guard lock(mutex);
  const auto it = open.find(stream);
  last = std::move(it->second);
  open.erase(it);
  removed.notify_all();
}

void ControlService::Stop() {
  Streams& streams = *streams_;
  std::unique_lock lock(streams.mutex);
  streams.stopping = true;
  std::vector<std::shared_ptr<ControlStream>> open;
  for (const auto& [_, stream] : streams.open) open.push_back(stream);
  lock.unlock();
  for (const auto& stream : open)
    stream->Close(absl::UnavailableError("the JobManager is leaving"));
  lock.lock();
  const auto none = [&] { return streams.open.empty(); };
  if (!streams.removed.wait_for(lock, std::chrono::milliseconds(500), none)) {
    // Under the lock: a stream that is still listed has not come to the end of its OnDone.
    for (const auto& [_, stream] : streams.open) stream->CancelStream();
    streams.removed.wait(lock, none);
  }
}

}  // namespace weir::jobmanager
