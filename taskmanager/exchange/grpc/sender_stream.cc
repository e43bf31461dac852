#include "taskmanager/exchange/grpc/sender_stream.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/rpc/channel.h"
#include "common/rpc/disposal.h"

namespace weir::taskmanager {
namespace {

constexpr char kMethod[] = "/weir.v1.Exchange/Stream";
constexpr int kMaxMessage = 128 << 20;
/// Frames that wait are put into one message up to this size: small ones share the cost of a write.
constexpr int64_t kMessageBytes = 512 * 1024;

grpc::Slice Adopt(std::string* bytes) {
  return grpc::Slice(bytes->data(), bytes->size(), [](void* owner) { delete static_cast<std::string*>(owner); }, bytes);
}

}  // namespace

void SenderStream::Start(const std::string& address, const rpc::ClientSecurity& security,
                         const std::map<std::string, std::string>& metadata) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessage);
  arguments.SetMaxSendMessageSize(kMaxMessage);
  // A connection of its own: an attempt never meets another one's backoff or broken connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  stub_ = std::make_unique<grpc::GenericStub>(
      grpc::CreateCustomChannel(address, security.credentials(), arguments));
  tls_ = security.tls();
  security.Authorize(&context_, address);
  for (const auto& [key, value] : metadata) context_.AddMetadata(key, value);
  self_ = shared_from_this();
  stub_->PrepareBidiStreamingCall(&context_, kMethod, grpc::StubOptions(), this);
  AddHold();  // writes are started from outside of reactions
  StartRead(&reading_);
  StartCall();
}

std::shared_ptr<SenderStream::ChannelState> SenderStream::Open(const ChannelKey& key, std::function<void()> wake) {
  auto state = std::make_shared<ChannelState>();
  state->wake = std::move(wake);
  std::lock_guard lock(mutex_);
  channels_[key] = state;
  return state;
}

absl::Status SenderStream::Send(const ChannelKey& key, ChannelState& channel, Element element) {
  FrameHeader header;
  header.kind = static_cast<uint8_t>(element.kind);
  header.channel = key;
  header.value = element.value;
  Queued queued;
  if (element.kind == Element::Kind::kBatch) {
    queued.payload = std::make_unique<std::string>();
    queued.payload->reserve(static_cast<size_t>(element.bytes));
    batch::EncodeBatch(element.batch, queued.payload.get());
    if (queued.payload->size() > FrameHeader::kMaxPayload) {
      return absl::ResourceExhaustedError(absl::StrCat("a batch of ", queued.payload->size(),
                                                       " bytes is more than a frame of the exchange carries (",
                                                       FrameHeader::kMaxPayload, ")"));
    }
    header.value = element.bytes;
    header.payload_bytes = static_cast<uint32_t>(queued.payload->size());
    header.payload_crc = Crc32c(*queued.payload);
  }
  queued.header = EncodeHeader(header);
  std::lock_guard lock(mutex_);
  if (failed_) return why_;
  channel.outstanding += element.bytes;
  backlog_ += static_cast<int64_t>(queued.header.size()) + header.payload_bytes;
  queue_.push_back(std::move(queued));
  if (!write_under_way_ && !closed_) WriteNext();
  return absl::OkStatus();
}

void SenderStream::WriteNext() {
  std::vector<grpc::Slice> slices;
  writing_bytes_ = 0;
  while (!queue_.empty() && writing_bytes_ < kMessageBytes) {
    Queued frame = std::move(queue_.front());
    queue_.pop_front();
    writing_bytes_ += static_cast<int64_t>(frame.header.size());
    slices.emplace_back(frame.header);
    if (frame.payload != nullptr) {
      writing_bytes_ += static_cast<int64_t>(frame.payload->size());
      slices.push_back(Adopt(frame.payload.release()));
    }
  }
  writing_ = grpc::ByteBuffer(slices.data(), slices.size());
  write_under_way_ = true;
  StartWrite(&writing_);
}

void SenderStream::OnWriteDone(bool ok) {
  std::vector<std::function<void()>> wake;
  {
    std::lock_guard lock(mutex_);
    write_under_way_ = false;
    writing_.Clear();
    const int64_t left = backlog_ -= writing_bytes_;
    writing_bytes_ = 0;
    if (ok && !closed_ && !queue_.empty()) WriteNext();
    if (left < kMaxBacklog / 2 && backlog_blocked_.exchange(false)) {
      for (const auto& [key, channel] : channels_) wake.push_back(channel->wake);
    }
  }
  for (const auto& call : wake) call();
}

absl::Status SenderStream::TakeCredit(const grpc::ByteBuffer& message) {
  grpc::Slice slice;
  if (!message.DumpToSingleSlice(&slice).ok()) return absl::DataLossError("exchange: a message could not be read");
  std::string_view bytes(reinterpret_cast<const char*>(slice.begin()), slice.size());
  while (!bytes.empty()) {
    auto frame = TakeFrame(&bytes);
    if (!frame.ok()) return frame.status();
    if (frame->header.kind != FrameHeader::kCredit) return absl::DataLossError("exchange: only credit comes this way");
    std::shared_ptr<ChannelState> channel;
    {
      std::lock_guard lock(mutex_);
      const auto it = channels_.find(frame->header.channel);
      if (it == channels_.end()) return absl::DataLossError("exchange: credit for a channel that is not here");
      channel = it->second;
    }
    channel->outstanding -= frame->header.value;
    channel->wake();
  }
  return absl::OkStatus();
}

void SenderStream::OnReadDone(bool ok) {
  if (ok) {
    if (absl::Status status = TakeCredit(reading_); !status.ok()) {
      Fail(std::move(status));
      context_.TryCancel();
    }
    StartRead(&reading_);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
  }
  RemoveHold();
}

void SenderStream::Fail(absl::Status why) {
  std::vector<std::function<void()>> wake;
  {
    std::lock_guard lock(mutex_);
    if (failed_) return;
    why_ = std::move(why);
    failed_ = true;
    queue_.clear();
    for (const auto& [key, channel] : channels_) wake.push_back(channel->wake);
  }
  for (const auto& call : wake) call();
}

void SenderStream::Cancel(absl::Status why) {
  Fail(std::move(why));
  context_.TryCancel();
}

void SenderStream::OnDone(const grpc::Status& status) {
  const std::string reason = rpc::ExplainConnection(status.error_message(), tls_);
  Fail(absl::UnavailableError(
      absl::StrCat("to ", peer_, ": ", status.error_message(), reason.empty() ? "" : ": ", reason)));
  const std::function<void()> done = std::move(on_done_);
  rpc::Dispose(std::move(self_));  // may be the last reference: nothing of this is touched after it
  done();
}

}  // namespace weir::taskmanager
