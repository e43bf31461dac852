#include "tests/simulation/network/control_network.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/simulation/plan/fault_kinds.h"

namespace weir::sim {
namespace {

template <typename Message>
constexpr bool kFenced = requires(Message message) { message.fence; };

template <typename Variant>
bool IsFenced(const Variant& message) {
  return std::visit([]<typename Message>(const Message&) { return kFenced<Message>; }, message);
}

const char* NameOf(const control::ToJobManager& message) {
  static constexpr const char* kNames[] = {"Register",   "StorageChecked", "Heartbeat",         "MetricsReport",
                                           "SubtaskStateChanged", "SplitsFound", "SourceEnded", "CheckpointAck",
                                           "CheckpointDecline", "CommitConfirmed", "Swept",     "ProbeResult",
                                           "AttemptReport"};
  static_assert(std::size(kNames) == std::variant_size_v<control::ToJobManager>, "name the new message here");
  return kNames[message.index()];
}
const char* NameOf(const control::ToTaskManager& message) {
  static constexpr const char* kNames[] = {"RegisterReply",      "Registered",        "RegisterRefused", "Deploy",
                                           "AssignSplits",       "Sweep",             "StartRunning",
                                           "TriggerCheckpoint",  "CheckpointComplete", "CheckpointAborted",
                                           "CancelAttempt",      "ProbeStorage",      "HeartbeatReply",  "AdoptAttempt"};
  static_assert(std::size(kNames) == std::variant_size_v<control::ToTaskManager>, "name the new message here");
  return kNames[message.index()];
}

/// Not what comes all the time and says nothing.
bool Traced(const control::ToJobManager& message) {
  return !std::holds_alternative<control::Heartbeat>(message) &&
         !std::holds_alternative<control::MetricsReport>(message);
}
bool Traced(const control::ToTaskManager& message) {
  return !std::holds_alternative<control::HeartbeatReply>(message);
}
int64_t CheckpointOf(const auto& message) {
  return std::visit(
      []<typename Message>(const Message& inner) -> int64_t {
        if constexpr (requires { inner.checkpoint.value; }) {
          return inner.checkpoint.value;
        } else {
          return -1;
        }
      },
      message);
}
int64_t AttemptOf(const auto& message) {
  return std::visit(
      []<typename Message>(const Message& inner) -> int64_t {
        if constexpr (kFenced<Message>) {
          return inner.fence.attempt.value;
        } else {
          return -1;
        }
      },
      message);
}

void Say(Simulation& simulation, std::string_view what, NodeId peer, const auto& message) {
  if (!Traced(message)) return;
  simulation.Trace(what, NameOf(message), simulation.node_name(peer), "attempt", AttemptOf(message), "checkpoint",
                   CheckpointOf(message));
}

}  // namespace

/// What both ends of a control stream share; kept by what refers to either end.
class ControlNetwork::Stream final : public control::TaskManagerLink, public std::enable_shared_from_this<Stream> {
 public:
  Stream(ControlNetwork* owner, control::JobManagerConnector::Events events)
      : owner_(owner), events_(std::move(events)) {}

  void Opened(std::shared_ptr<Connection> connection) { connection_ = std::move(connection); }
  const control::JobManagerConnector::Events& events() const { return events_; }
  Connection& connection() { return *connection_; }

  /// On the JobManager's side, before all else.
  void Accepted(control::TaskManagerLinkHandler* handler, const std::shared_ptr<Connection>& connection) {
    handler_ = handler;
    connection_ = connection;
    connection->OnServerClosed([self = shared_from_this()](absl::Status why) {
      self->handler_->OnClosed(self.get(), std::move(why));
    });
    Simulation& simulation = owner_->network().simulation();
    handler_->OnOpened(shared_from_this(), simulation.node_name(connection->node(Connection::kClient)));
  }

  // TaskManagerLink
  void Send(control::ToTaskManager message) override {
    const NodeId to = connection_->node(Connection::kClient);
    Say(owner_->network().simulation(), "sends", to, message);
    owner_->MayReplay(connection_->node(Connection::kServer), to, message);
    connection_->Send(Connection::kServer, [self = shared_from_this(), message = std::move(message)]() mutable {
      self->ToTaskManager(std::move(message));
    });
  }
  void Close(absl::Status reason) override { connection_->Close(Connection::kServer, reason); }

  void SendUp(control::ToJobManager message) {
    const NodeId to = connection_->node(Connection::kServer);
    Say(owner_->network().simulation(), "sends", to, message);
    owner_->MayReplay(connection_->node(Connection::kClient), to, message);
    connection_->Send(Connection::kClient, [self = shared_from_this(), message = std::move(message)]() mutable {
      self->ToJobManager(std::move(message));
    });
  }

  /// Once more, in between what else arrives.
  void Again(control::ToJobManager message) {
    connection_->Inject(Connection::kServer, [self = shared_from_this(), message = std::move(message)]() mutable {
      self->ToJobManager(std::move(message));
    });
  }
  void Again(control::ToTaskManager message) {
    connection_->Inject(Connection::kClient, [self = shared_from_this(), message = std::move(message)]() mutable {
      self->ToTaskManager(std::move(message));
    });
  }

 private:
  void ToJobManager(control::ToJobManager message) {
    if (handler_ == nullptr) return;  // it was never accepted
    Say(owner_->network().simulation(), "receives", connection_->node(Connection::kClient), message);
    handler_->OnMessage(this, std::move(message));
  }
  void ToTaskManager(control::ToTaskManager message) {
    Say(owner_->network().simulation(), "receives", connection_->node(Connection::kServer), message);
    events_.on_message(std::move(message));
  }

  ControlNetwork* const owner_;
  const control::JobManagerConnector::Events events_;
  control::TaskManagerLinkHandler* handler_ = nullptr;
  std::shared_ptr<Connection> connection_;
};

namespace {

class Link final : public control::JobManagerLink {
 public:
  explicit Link(std::shared_ptr<ControlNetwork::Stream> stream) : stream_(std::move(stream)) {}
  ~Link() override {
    stream_->connection().Abandon(Connection::kClient);
    stream_->connection().AwaitIdle(Connection::kClient);
  }
  void Send(control::ToJobManager message) override { stream_->SendUp(std::move(message)); }

 private:
  const std::shared_ptr<ControlNetwork::Stream> stream_;
};

class SimulatedConnector final : public control::JobManagerConnector {
 public:
  SimulatedConnector(ControlNetwork* owner, std::vector<std::string> addresses)
      : owner_(owner), addresses_(std::move(addresses)) {}
  absl::StatusOr<std::unique_ptr<control::JobManagerLink>> Connect(Events events) override {
    const SteadyMicros each = std::max<SteadyMicros>(100'000, 1'000'000 / static_cast<int64_t>(addresses_.size()));
    auto stream = std::make_shared<ControlNetwork::Stream>(owner_, std::move(events));
    // In turns: who does not lead closes the stream, and the next one is tried then.
    for (size_t i = 0; i < addresses_.size(); ++i) {
      const std::string& address = addresses_[next_];
      next_ = (next_ + 1) % addresses_.size();
      auto connection = owner_->network().Connect(
          address, each, [stream](absl::Status why) { stream->events().on_closed(std::move(why)); }, {}, stream);
      if (!connection.ok()) continue;
      stream->Opened(*connection);
      owner_->Remember(stream);
      return std::make_unique<Link>(std::move(stream));
    }
    return absl::UnavailableError(absl::StrCat("no JobManager answers at ", absl::StrJoin(addresses_, ", ")));
  }

 private:
  ControlNetwork* const owner_;
  const std::vector<std::string> addresses_;
  size_t next_ = 0;
};

}  // namespace

ControlNetwork::ControlNetwork(Network* network)
    : network_(network), rng_(network->simulation().Stream("control network")) {}

void ControlNetwork::Listen(ProcessId jobmanager, const std::string& address,
                            control::TaskManagerLinkHandler* handler) {
  network_->Listen(jobmanager, address, [handler](const std::shared_ptr<Connection>& connection) {
    std::static_pointer_cast<Stream>(connection->TakeContext())->Accepted(handler, connection);
  });
}

std::unique_ptr<control::JobManagerConnector> ControlNetwork::Connector(std::vector<std::string> addresses) {
  return std::make_unique<SimulatedConnector>(this, std::move(addresses));
}

void ControlNetwork::Remember(const std::shared_ptr<Stream>& stream) {
  Connection& connection = stream->connection();
  newest_[{connection.node(Connection::kClient), connection.node(Connection::kServer)}] = stream;
}

void ControlNetwork::SetReplay(NodeId from, NodeId to, int percent, SteadyMicros most_later) {
  replays_[{from, to}] = {percent, most_later};
}

template <typename Message>
void ControlNetwork::MayReplay(NodeId from, NodeId to, const Message& message) {
  if (replays_.empty() || !IsFenced(message)) return;
  const auto it = replays_.find({from, to});
  if (it == replays_.end() || rng_.Below(100) >= static_cast<uint64_t>(it->second.percent)) return;
  constexpr bool kUp = std::is_same_v<Message, control::ToJobManager>;
  const auto key = kUp ? std::make_pair(from, to) : std::make_pair(to, from);
  network_->simulation().After(DrawScaled(&rng_, 100, it->second.most_later), [this, key, message] {
    if (const std::shared_ptr<Stream> stream = newest_[key].lock()) stream->Again(message);
  });
}

}  // namespace weir::sim
