#include "taskmanager/exchange/grpc/receiver_stream.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager {
namespace {
/// Credit goes back in portions: a quarter of a queue, so that a sender never waits for less.
constexpr int64_t kCreditPortion = InputChannel::kCapacityBytes / 4;
}  // namespace

ReceiverStream::ReceiverStream(grpc::CallbackServerContext* context, LocalTransport* channels, JobId job,
                               Attempt attempt, std::string peer, std::function<void()> on_done)
    : context_(context), channels_of_(channels), job_(std::move(job)), attempt_(attempt), peer_(std::move(peer)),
      on_done_(std::move(on_done)) {}

void ReceiverStream::Start() {
  self_ = shared_from_this();
  StartRead(&reading_);
}

absl::StatusOr<InputChannel*> ReceiverStream::Find(const ChannelKey& key) {
  {
    std::lock_guard lock(mutex_);
    if (const auto it = channels_.find(key); it != channels_.end()) return it->second.input.get();
  }
  std::weak_ptr<ReceiverStream> weak = weak_from_this();
  auto input = channels_of_->AttachRemote({job_, attempt_, key.edge, key.from_subtask, key.to_subtask},
                                          [weak, key](int64_t bytes) {
                                            if (auto stream = weak.lock()) stream->ReturnCredit(key, bytes);
                                          });
  if (input == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("exchange: no receiver for the channel of edge ", key.edge,
                                                      " from subtask ", key.from_subtask, " to ", key.to_subtask));
  }
  std::lock_guard lock(mutex_);
  return (channels_[key].input = std::move(input)).get();
}

absl::Status ReceiverStream::Take(const grpc::ByteBuffer& message) {
  auto slice = std::make_shared<grpc::Slice>();
  if (!message.DumpToSingleSlice(slice.get()).ok()) {
    return absl::DataLossError("exchange: a message could not be read");
  }
  std::string_view bytes(reinterpret_cast<const char*>(slice->begin()), slice->size());
  while (!bytes.empty()) {
    auto frame = TakeFrame(&bytes);
    if (!frame.ok()) return frame.status();
    if (frame->header.kind == FrameHeader::kCredit) return absl::DataLossError("exchange: credit does not come this way");
    auto input = Find(frame->header.channel);
    if (!input.ok()) return input.status();
    Element element;
    element.kind = static_cast<Element::Kind>(frame->header.kind);
    element.value = frame->header.value;
    if (element.kind == Element::Kind::kBatch) {
      if (element.value < 0) return absl::DataLossError("exchange: a batch of negative size");
      element.bytes = element.value;
      element.encoded = batch::Buffer::Wrap(frame->payload, slice);
    }
    (*input)->Push(std::move(element));
  }
  return absl::OkStatus();
}

void ReceiverStream::OnReadDone(bool ok) {
  absl::Status status = ok ? Take(reading_) : absl::UnavailableError(absl::StrCat("the peer is gone: ", peer_));
  if (status.ok()) {
    StartRead(&reading_);
  } else {
    End(std::move(status));
  }
}

void ReceiverStream::End(absl::Status why) {
  std::vector<std::shared_ptr<InputChannel>> inputs;
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    for (const auto& [key, channel] : channels_) inputs.push_back(channel.input);
  }
  const absl::Status failure(why.code() == absl::StatusCode::kUnavailable ? why.code() : absl::StatusCode::kInternal,
                             absl::StrCat("from ", peer_, ": ", why.message()));
  for (const auto& input : inputs) input->Fail(failure);
  Finish(grpc::Status(grpc::StatusCode::ABORTED, std::string(why.message())));
}

void ReceiverStream::Cancel() {
  // Under the lock: the context lives until after End.
  std::lock_guard lock(mutex_);
  if (!ended_) context_->TryCancel();
}

void ReceiverStream::ReturnCredit(const ChannelKey& key, int64_t bytes) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  Channel& channel = channels_[key];
  channel.consumed += bytes;
  if (channel.consumed < kCreditPortion) return;
  due_[key] += channel.consumed;
  channel.consumed = 0;
  if (!write_under_way_) WriteNext();
}

void ReceiverStream::WriteNext() {
  std::string bytes;
  for (const auto& [key, consumed] : due_) {
    FrameHeader header;
    header.kind = FrameHeader::kCredit;
    header.channel = key;
    header.value = consumed;
    bytes += EncodeHeader(header);
  }
  due_.clear();
  grpc::Slice slice(bytes);
  writing_ = grpc::ByteBuffer(&slice, 1);
  write_under_way_ = true;
  StartWrite(&writing_);
}

void ReceiverStream::OnWriteDone(bool ok) {
  std::lock_guard lock(mutex_);
  write_under_way_ = false;
  if (ok && !ended_ && !due_.empty()) WriteNext();
}

void ReceiverStream::OnDone() {
  const std::function<void()> done = std::move(on_done_);
  self_.reset();  // may be the last reference
  done();
}

}  // namespace weir::taskmanager
