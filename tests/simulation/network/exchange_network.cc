#include "tests/simulation/network/exchange_network.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "taskmanager/exchange/local_transport.h"

namespace weir::sim {
namespace {

using taskmanager::ChannelId;
using taskmanager::Element;
using taskmanager::InputChannel;
using taskmanager::LocalTransport;
using taskmanager::OutputChannel;

constexpr int64_t kMaxBacklog = 4 << 20;
constexpr int64_t kCreditPortion = InputChannel::kCapacityBytes / 4;
/// A connection that nobody answers.
constexpr SteadyMicros kConnectTimeout = 20'000'000;

struct Introduction;

/// What a sender says when it connects.
struct Handshake {
  JobId job;
  Attempt attempt;
  Incarnation from, to;
};

struct ChannelState {
  int64_t outstanding = 0;
  std::function<void()> wake;
};

/// To one TaskManager, for one attempt: the sending side.
class Sender final : public std::enable_shared_from_this<Sender> {
 public:
  Sender(Network* network, std::string address) : network_(network), address_(std::move(address)) {}

  /// Connects in the background.
  void Start(Handshake handshake);
  std::shared_ptr<ChannelState> Open(const ChannelId& id, std::function<void()> wake) {
    auto state = std::make_shared<ChannelState>();
    state->wake = std::move(wake);
    return channels_[id] = state;
  }
  absl::Status Send(const ChannelId& id, const std::shared_ptr<ChannelState>& channel, Element element);
  bool writable(const ChannelState& channel) const {
    if (!why_.ok()) return true;
    if (channel.outstanding >= InputChannel::kCapacityBytes) return false;
    if (backlog_ < kMaxBacklog) return true;
    blocked_ = true;
    return false;
  }
  void Fail(absl::Status why) {
    if (!why_.ok()) return;
    why_ = std::move(why);
    queue_.clear();
    introduction_ = nullptr;
    WakeAll();
  }
  void Cancel(const absl::Status& why) {
    if (connection_ != nullptr) connection_->Abandon(Connection::kClient);
    Fail(why);
  }
  /// The peer's socket took so much.
  void Taken(int64_t bytes) {
    backlog_ -= bytes;
    if (backlog_ >= kMaxBacklog / 2 || !std::exchange(blocked_, false)) return;
    connection_->Inject(Connection::kClient, [self = shared_from_this()] { self->WakeAll(); });
  }
  void Credit(const ChannelId& id, int64_t bytes) {
    const auto it = channels_.find(id);
    if (it == channels_.end()) return;
    it->second->outstanding -= bytes;
    it->second->wake();
  }

 private:
  struct Frame {
    ChannelId id;
    std::shared_ptr<Element> element;
    int64_t bytes = 0;
  };
  void Write(Frame frame);
  void WakeAll() {
    const auto channels = channels_;  // waking may open another one
    for (const auto& [id, channel] : channels) channel->wake();
  }

  Network* const network_;
  const std::string address_;
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<Introduction> introduction_;
  std::vector<Frame> queue_;  // until it is connected
  std::map<ChannelId, std::shared_ptr<ChannelState>> channels_;
  int64_t backlog_ = 0;
  mutable bool blocked_ = false;
  absl::Status why_;
};

/// The receiving side of a connection.
class Receiver final : public std::enable_shared_from_this<Receiver> {
 public:
  Receiver(LocalTransport* channels, Handshake handshake, std::shared_ptr<Sender> sender,
           std::shared_ptr<Connection> connection)
      : channels_of_(channels), handshake_(std::move(handshake)), sender_(std::move(sender)),
        connection_(std::move(connection)) {}

  const Handshake& handshake() const { return handshake_; }
  void Take(const ChannelId& id, Element element) {
    if (ended_) return;
    auto it = channels_.find(id);
    if (it == channels_.end()) {
      auto input = channels_of_->AttachRemote(
          id, [weak = weak_from_this(), id](int64_t bytes) {
            if (const auto self = weak.lock()) self->ReturnCredit(id, bytes);
          });
      if (input == nullptr) {
        return End(absl::FailedPreconditionError(absl::StrCat("exchange: no receiver for the channel of edge ", id.edge,
                                                              " from subtask ", id.from_subtask, " to ",
                                                              id.to_subtask)));
      }
      it = channels_.emplace(id, Channel{std::move(input), 0}).first;
    }
    it->second.input->Push(std::move(element));
  }
  void End(const absl::Status& why) {
    if (std::exchange(ended_, true)) return;
    connection_->Close(Connection::kServer, absl::AbortedError(why.message()));
    const absl::Status failure(
        why.code() == absl::StatusCode::kUnavailable ? why.code() : absl::StatusCode::kInternal,
        absl::StrCat("from ", handshake_.from.value, ": ", why.message()));
    const auto channels = channels_;
    for (const auto& [id, channel] : channels) channel.input->Fail(failure);
  }

 private:
  struct Channel {
    std::shared_ptr<InputChannel> input;
    int64_t consumed = 0;
  };
  void ReturnCredit(const ChannelId& id, int64_t bytes) {
    const auto it = channels_.find(id);
    if (ended_ || it == channels_.end()) return;
    it->second.consumed += bytes;
    if (it->second.consumed < kCreditPortion) return;
    connection_->Send(Connection::kServer, [sender = sender_, id, credit = std::exchange(it->second.consumed, 0)] {
      sender->Credit(id, credit);
    });
  }

  LocalTransport* const channels_of_;
  const Handshake handshake_;
  const std::shared_ptr<Sender> sender_;
  const std::shared_ptr<Connection> connection_;
  std::map<ChannelId, Channel> channels_;
  bool ended_ = false;
};

/// What passes from one side to the other when a connection is made.
struct Introduction {
  Handshake handshake;
  std::shared_ptr<Sender> sender;
  std::shared_ptr<Receiver> receiver;  // once it was accepted
};

void Sender::Start(Handshake handshake) {
  auto introduction = std::make_shared<Introduction>(Introduction{std::move(handshake), shared_from_this(), nullptr});
  Simulation& simulation = network_->simulation();
  simulation.Spawn("exchange", [self = shared_from_this(), introduction] {
    Connection::Options options;
    options.kind = Connection::Kind::kData;
    options.client_keepalive = false;  // only the server of an exchange asks whether its peer lives
    auto connection = self->network_->Connect(
        self->address_, kConnectTimeout,
        [self](absl::Status why) {
          self->Fail(absl::UnavailableError(absl::StrCat("to ", self->address_, ": ", why.message())));
        },
        options, introduction);
    if (!connection.ok()) return self->Fail(connection.status());
    if (!self->why_.ok()) return (*connection)->Abandon(Connection::kClient);
    self->connection_ = *std::move(connection);
    for (Frame& frame : std::exchange(self->queue_, {})) self->Write(std::move(frame));
  });
  introduction_ = introduction;
}

absl::Status Sender::Send(const ChannelId& id, const std::shared_ptr<ChannelState>& channel, Element element) {
  if (!why_.ok()) return why_;
  Frame frame{id, nullptr, 36};
  if (element.kind == Element::Kind::kBatch) {
    auto payload = std::make_shared<std::string>();
    payload->reserve(static_cast<size_t>(element.bytes));
    batch::EncodeBatch(element.batch, payload.get());
    frame.bytes += static_cast<int64_t>(payload->size());
    const std::string_view bytes = *payload;
    element.encoded = batch::Buffer::Wrap(bytes, std::move(payload));
    element.batch = {};
  }
  channel->outstanding += element.bytes;
  backlog_ += frame.bytes;
  frame.element = std::make_shared<Element>(std::move(element));
  if (connection_ == nullptr) {
    queue_.push_back(std::move(frame));
  } else {
    Write(std::move(frame));
  }
  return absl::OkStatus();
}

void Sender::Write(Frame frame) {
  connection_->Send(Connection::kClient, [introduction = introduction_, frame = std::move(frame),
                                          network = network_, self = shared_from_this()] {
    if (introduction->receiver == nullptr) return;  // refused
    introduction->receiver->Take(frame.id, std::move(*frame.element));
    if (self->backlog_ < kMaxBacklog / 4) {
      self->backlog_ -= frame.bytes;
    } else {
      network->simulation().After(
          network->Latency(self->connection_->node(Connection::kServer), self->connection_->node(Connection::kClient)),
          [self, bytes = frame.bytes] { self->Taken(bytes); });
    }
  });
}

class RemoteOutput final : public OutputChannel {
 public:
  RemoteOutput(std::shared_ptr<Sender> sender, const ChannelId& id, std::shared_ptr<ChannelState> state)
      : sender_(std::move(sender)), id_(id), state_(std::move(state)) {}
  absl::Status Send(Element element) override { return sender_->Send(id_, state_, std::move(element)); }
  bool writable() const override { return sender_->writable(*state_); }

 private:
  const std::shared_ptr<Sender> sender_;
  const ChannelId id_;
  const std::shared_ptr<ChannelState> state_;
};

class Transport final : public taskmanager::ExchangeTransport {
 public:
  Transport(Network* network, ProcessId process, const std::string& address, Incarnation self)
      : network_(network), self_(self) {
    network->Listen(process, address, [this](const std::shared_ptr<Connection>& connection) { Accept(connection); });
  }

  std::shared_ptr<InputChannel> Register(const ChannelId& id, std::function<void()> wake) override {
    return local_.Register(id, std::move(wake));
  }

  absl::StatusOr<std::unique_ptr<OutputChannel>> Connect(const ChannelId& id, const std::string& address,
                                                         Incarnation peer, std::function<void()> wake) override {
    if (peer == self_) return local_.Connect(id, address, peer, std::move(wake));
    std::shared_ptr<Sender>& sender = senders_[{id.job, id.attempt, peer}];
    if (sender == nullptr) {
      sender = std::make_shared<Sender>(network_, address);
      sender->Start({id.job, id.attempt, self_, peer});
    }
    return std::make_unique<RemoteOutput>(sender, id, sender->Open(id, std::move(wake)));
  }

  void EndAttempt(const JobId& job, Attempt attempt, absl::Status why) override {
    Attempt& ended = ended_[job];
    ended = std::max(ended, attempt);
    std::vector<std::shared_ptr<Sender>> senders;
    std::vector<std::shared_ptr<Receiver>> receivers;
    std::erase_if(senders_, [&](const auto& entry) {
      if (entry.first.job != job || entry.first.attempt > attempt) return false;
      senders.push_back(entry.second);
      return true;
    });
    std::erase_if(receivers_, [&](const auto& receiver) {
      if (receiver->handshake().job != job || receiver->handshake().attempt > attempt) return false;
      receivers.push_back(receiver);
      return true;
    });
    local_.EndAttempt(job, attempt, why);
    for (const auto& sender : senders) sender->Cancel(why);
    for (const auto& receiver : receivers) receiver->End(absl::UnavailableError("the attempt was ended here"));
  }

 private:
  struct Key {
    JobId job;
    Attempt attempt;
    Incarnation peer;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  void Accept(const std::shared_ptr<Connection>& connection) {
    const auto introduction = std::static_pointer_cast<Introduction>(connection->TakeContext());
    const Handshake& handshake = introduction->handshake;
    const auto refuse = [&](const std::string& why) {
      connection->Close(Connection::kServer, absl::FailedPreconditionError(why));
    };
    if (handshake.to != self_) return refuse("meant for another incarnation of this TaskManager");
    if (const auto it = ended_.find(handshake.job); it != ended_.end() && handshake.attempt <= it->second) {
      return refuse(absl::StrCat("attempt ", handshake.attempt.value, " was ended here"));
    }
    auto receiver = std::make_shared<Receiver>(&local_, handshake, std::move(introduction->sender), connection);
    introduction->receiver = receiver;
    receivers_.push_back(receiver);
    connection->OnServerClosed([this, receiver](absl::Status why) {
      receiver->End(absl::UnavailableError(absl::StrCat("the peer is gone: ", why.message())));
      std::erase(receivers_, receiver);
    });
  }

  Network* const network_;
  const Incarnation self_;
  LocalTransport local_;
  std::map<Key, std::shared_ptr<Sender>> senders_;
  std::vector<std::shared_ptr<Receiver>> receivers_;
  std::map<JobId, Attempt> ended_;
};

}  // namespace

std::unique_ptr<taskmanager::ExchangeTransport> MakeExchangeTransport(Network* network, ProcessId process,
                                                                      const std::string& address, Incarnation self) {
  return std::make_unique<Transport>(network, process, address, self);
}

}  // namespace weir::sim
