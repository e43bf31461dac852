#include "tests/simulation/network/network.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::sim {
namespace {
/// How long TCP waits before it sends again what was not acknowledged, at most.
constexpr SteadyMicros kRetransmit = 200'000;
/// Somebody who waits for a connection looks so often whether it can be had.
constexpr SteadyMicros kConnectPoll = 20'000;
}  // namespace

struct Network::PendingCall {
  ProcessId caller = kOutside;
  NodeId from = 0, to = 0;
  std::function<bool()> serve;
  bool answered = false;
  bool dropped = false;
  runtime::WaitList waiter;
};

Network::Network(Simulation* simulation) : simulation_(simulation), rng_(simulation->Stream("network")) {
  base_ = 20 + static_cast<SteadyMicros>(rng_.Below(400));
  tail_odds_ = 20 + rng_.Below(2000);
}

// ---- Ways -----------------------------------------------------------------------------------------------------------

SteadyMicros Network::Latency(NodeId from, NodeId to) {
  SteadyMicros time = base_ / 2 + static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(base_)));
  if (rng_.Below(tail_odds_) == 0) time += static_cast<SteadyMicros>(rng_.Below(20'000));
  if (const auto it = ways_.find({from, to}); it != ways_.end() && it->second.delay > 0) {
    time += static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(it->second.delay)));
  }
  return time;
}

bool Network::Blocked(NodeId from, NodeId to) const {
  const auto it = ways_.find({from, to});
  return it != ways_.end() && it->second.blocked > 0;
}

void Network::WhenOpen(NodeId from, NodeId to, std::function<void()> event) {
  WayOf(from, to).waiting.push_back(std::move(event));
}

void Network::Block(NodeId from, NodeId to) { ++WayOf(from, to).blocked; }

void Network::Unblock(NodeId from, NodeId to) {
  Way& way = WayOf(from, to);
  if (way.blocked > 0 && --way.blocked == 0) Open(&way);
}

void Network::Open(Way* way) {
  for (std::function<void()>& event : std::exchange(way->waiting, {})) {
    simulation_->After(static_cast<SteadyMicros>(rng_.Below(kRetransmit)), std::move(event));
  }
}

void Network::Refuse(NodeId a, NodeId b, bool on) {
  for (Way* way : {&WayOf(a, b), &WayOf(b, a)}) way->refused = std::max(0, way->refused + (on ? 1 : -1));
}

void Network::SetDelay(NodeId from, NodeId to, SteadyMicros most) { WayOf(from, to).delay = most; }

void Network::Heal() {
  for (auto& [ends, way] : ways_) {
    way.refused = 0;
    way.delay = 0;
    if (std::exchange(way.blocked, 0) > 0) Open(&way);
  }
}

// ---- Connections ----------------------------------------------------------------------------------------------------

void Network::Listen(ProcessId process, const std::string& address, Accept accept) {
  listeners_[address] = {process, std::move(accept)};
  Watch(process);
}

void Network::StopListening(const std::string& address) { listeners_.erase(address); }

void Network::Watch(ProcessId process) {
  if (process == kOutside || !watched_.insert(process).second) return;
  simulation_->OnDeath(process, [this, process] { OnDeath(process); });
}

void Network::OnDeath(ProcessId process) {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second.process == process; });
  const bool silently = PoweredOff(simulation_->node_of(process));
  for (const auto& weak : connections_) {
    const std::shared_ptr<Connection> connection = weak.lock();
    if (connection == nullptr) continue;
    for (const Connection::Side side : {Connection::kClient, Connection::kServer}) {
      if (connection->process(side) == process) connection->Died(side, silently);
    }
  }
}

absl::StatusOr<std::shared_ptr<Connection>> Network::Connect(const std::string& address, SteadyMicros timeout,
                                                             Connection::Closed closed, Connection::Options options,
                                                             std::shared_ptr<void> context) {
  const ProcessId client = simulation_->current_process();
  const NodeId from = simulation_->node_of(client);
  const SteadyMicros deadline = simulation_->Now() + timeout;
  for (;;) {
    // The way there and back; what is refused or not there is seen when it arrives.
    simulation_->Await(Latency(from, from) + Latency(from, from));
    const auto it = listeners_.find(address);
    if (it == listeners_.end() || !simulation_->Alive(it->second.process)) {
      return absl::UnavailableError(absl::StrCat("connection to ", address, " refused"));
    }
    const ProcessId server = it->second.process;
    const NodeId to = simulation_->node_of(server);
    if (WayOf(from, to).refused > 0) {
      return absl::UnavailableError(absl::StrCat("connection to ", address, " refused"));
    }
    if (!Blocked(from, to) && !Blocked(to, from) && !simulation_->Paused(server)) {
      simulation_->Await(WayOf(from, to).delay > 0 ? Latency(from, to) : 0);
      if (!simulation_->Alive(server)) continue;
      auto connection = std::make_shared<Connection>(this, options, client, server, std::move(closed),
                                                     std::move(context));
      std::erase_if(connections_, [](const auto& weak) {
        const auto known = weak.lock();
        return known == nullptr || known->over();
      });
      connections_.push_back(connection);
      Watch(client);
      simulation_->Trace("connected", address);
      connection->Start([accept = it->second.accept, weak = std::weak_ptr(connection)] {
        if (const auto accepted = weak.lock()) accept(accepted);
      });
      return connection;
    }
    const SteadyMicros left = deadline - simulation_->Now();
    if (left <= 0) return absl::UnavailableError(absl::StrCat("no answer from ", address));
    simulation_->Await(std::min(kConnectPoll, left));
  }
}

std::vector<std::shared_ptr<Connection>> Network::Between(NodeId a, NodeId b) {
  std::vector<std::shared_ptr<Connection>> found;
  for (const auto& weak : connections_) {
    const std::shared_ptr<Connection> connection = weak.lock();
    if (connection == nullptr || connection->over()) continue;
    const NodeId client = connection->node(Connection::kClient), server = connection->node(Connection::kServer);
    if ((client == a && server == b) || (client == b && server == a)) found.push_back(connection);
  }
  return found;
}

void Network::Reset(NodeId a, NodeId b, Connection::Kind of) {
  for (const auto& connection : Between(a, b)) {
    if (of == Connection::Kind::kAny || connection->kind() == of) connection->Reset();
  }
}

void Network::HalfOpen(NodeId forgetful, NodeId other) {
  for (const auto& connection : Between(forgetful, other)) {
    connection->Forget(connection->node(Connection::kClient) == forgetful ? Connection::kClient : Connection::kServer);
  }
}

void Network::PowerOff(NodeId node) { off_.insert(node); }
void Network::PowerOn(NodeId node) { off_.erase(node); }

// ---- Calls ----------------------------------------------------------------------------------------------------------

void Network::Request(const std::shared_ptr<PendingCall>& call) {
  if (call->dropped) return;
  if (Blocked(call->from, call->to)) {
    WhenOpen(call->from, call->to, [this, call] {
      // Held in the caller's machine: it goes with the machine, and maybe with the process.
      const bool gone = !simulation_->Alive(call->caller);
      if (gone && (PoweredOff(call->from) || rng_.Below(2) == 0)) return;
      Request(call);
    });
    return;
  }
  if (PoweredOff(call->to) || !call->serve()) return;
  simulation_->After(Latency(call->to, call->from), [this, call] { Answer(call); });
}

void Network::Answer(const std::shared_ptr<PendingCall>& call) {
  if (Blocked(call->to, call->from)) {
    WhenOpen(call->to, call->from, [this, call] { Answer(call); });
    return;
  }
  call->answered = true;
  if (simulation_->Alive(call->caller)) simulation_->Wake(&call->waiter, true);
}

CallOutcome Network::Call(NodeId to, SteadyMicros timeout, std::function<bool()> serve) {
  auto call = std::make_shared<PendingCall>();
  call->caller = simulation_->current_process();
  call->from = simulation_->node_of(call->caller);
  call->to = to;
  call->serve = std::move(serve);
  if (WayOf(call->from, to).refused > 0) {
    simulation_->Await(Latency(call->from, to));
    return CallOutcome::kUnreachable;
  }
  const SteadyMicros deadline = simulation_->Now() + timeout;
  simulation_->After(Latency(call->from, to), [this, call] { Request(call); });
  while (!call->answered) {
    const SteadyMicros left = deadline - simulation_->Now();
    if (left <= 0) return CallOutcome::kUnknown;
    simulation_->Block(&call->waiter, left);
  }
  return CallOutcome::kAnswered;
}

}  // namespace weir::sim
