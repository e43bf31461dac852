#include "tests/simulation/network/connection.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/network/network.h"

namespace weir::sim {
namespace {
constexpr SteadyMicros kKeepaliveTime = 10'000'000;     // as common/rpc sets it
constexpr SteadyMicros kKeepaliveTimeout = 10'000'000;
}  // namespace

Connection::Connection(Network* network, Options options, ProcessId client, ProcessId server, Closed client_closed,
                       std::shared_ptr<void> context)
    : network_(network), options_(options), context_(std::move(context)) {
  Simulation& simulation = network->simulation();
  ends_[kClient].process = client;
  ends_[kClient].node = simulation.node_of(client);
  ends_[kClient].closed = std::move(client_closed);
  ends_[kServer].process = server;
  ends_[kServer].node = simulation.node_of(server);
}

void Connection::Start(std::function<void()> accepted) {
  ends_[kServer].inbox.push_back(std::move(accepted));
  Wake(kServer);
}

// ---- Sending --------------------------------------------------------------------------------------------------------

void Connection::Send(Side from, std::function<void()> deliver) {
  if (!ends_[from].open || ends_[from].cut) return;
  Parcel parcel;
  parcel.deliver = std::move(deliver);
  Put(from, std::move(parcel));
}

void Connection::Close(Side from, const absl::Status& reason) {
  if (!ends_[from].open) return;
  Parcel parcel;
  parcel.closes = true;
  parcel.why = reason;
  Put(from, std::move(parcel));
  Break(from, reason);
}

void Connection::Put(Side from, Parcel parcel) {
  End& end = ends_[from];
  Simulation& simulation = network_->simulation();
  parcel.arrives = std::max(end.last_arrival + 1,
                            simulation.Now() + network_->Latency(end.node, ends_[Other(from)].node));
  end.last_arrival = parcel.arrives;
  end.sent.push_back(std::move(parcel));
  Arm(from);
}

void Connection::Arm(Side from) {
  End& end = ends_[from];
  if (end.timer || end.stuck != 0 || end.sent.empty()) return;
  end.timer = true;
  network_->simulation().At(std::max(network_->simulation().Now(), end.sent.front().arrives),
                            [self = shared_from_this(), from] {
                              self->ends_[from].timer = false;
                              self->Arrive(from);
                            });
}

void Connection::Arrive(Side from) {
  End& end = ends_[from];
  const Side to = Other(from);
  if (end.sent.empty()) return;
  Simulation& simulation = network_->simulation();
  if (network_->Blocked(end.node, ends_[to].node)) {
    end.stuck = ++stuck_numbers_;
    network_->WhenOpen(end.node, ends_[to].node, [self = shared_from_this(), from] {
      self->ends_[from].stuck = 0;
      self->Arm(from);
    });
    NoticeSilence(from, end.stuck);
    NoticeSilence(to, end.stuck);
    return;
  }
  while (!end.sent.empty() && end.sent.front().arrives <= simulation.Now()) {
    Parcel parcel = std::move(end.sent.front());
    end.sent.pop_front();
    Take(to, std::move(parcel));
  }
  Arm(from);
}

void Connection::NoticeSilence(Side side, uint64_t stuck) {
  if (!(side == kClient ? options_.client_keepalive : options_.server_keepalive)) return;
  const SteadyMicros after =
      kKeepaliveTime + static_cast<SteadyMicros>(network_->rng().Below(static_cast<uint64_t>(kKeepaliveTimeout)));
  network_->simulation().After(after, [self = shared_from_this(), side, stuck] {
    if (stuck != 0 && self->ends_[kClient].stuck != stuck && self->ends_[kServer].stuck != stuck) return;
    self->Break(side, absl::UnavailableError("keepalive watchdog timeout"));
  });
}

void Connection::Take(Side to, Parcel parcel) {
  End& end = ends_[to];
  if (network_->PoweredOff(end.node)) return;  // nobody is there, not even to say so
  if (!end.open) {
    if (parcel.closes || !ends_[Other(to)].open) return;
    Parcel reset;
    reset.closes = true;
    reset.why = absl::UnavailableError("connection reset by peer");
    Put(to, std::move(reset));
    return;
  }
  if (parcel.closes) {
    Break(to, parcel.why);
    return;
  }
  end.inbox.push_back(std::move(parcel.deliver));
  Wake(to);
}

// ---- Ends -----------------------------------------------------------------------------------------------------------

void Connection::Break(Side side, const absl::Status& why) {
  End& end = ends_[side];
  if (!end.open) return;
  end.open = false;
  end.inbox.push_back([this, side, why] {
    const Closed closed = std::move(ends_[side].closed);
    if (closed) closed(why);
  });
  Wake(side);
}

void Connection::LoseTail(Side from) {
  std::deque<Parcel>& sent = ends_[from].sent;
  Rng& rng = network_->rng();
  if (sent.empty() || rng.Below(2) == 0) return;
  sent.resize(rng.Below(sent.size() + 1));
}

void Connection::Abandon(Side side) {
  End& end = ends_[side];
  end.inbox.clear();
  end.closed = nullptr;
  if (end.open) {
    end.open = false;
    LoseTail(side);
    Parcel cancelled;
    cancelled.closes = true;
    cancelled.why = absl::UnavailableError("the peer has ended the stream");
    Put(side, std::move(cancelled));
  }
  Wake(side);  // so that the worker ends
}

void Connection::AwaitIdle(Side side) {
  End& end = ends_[side];
  Simulation& simulation = network_->simulation();
  while (end.working && end.worker != simulation.Current()) {
    simulation.Block(&end.idle, runtime::Scheduler::kNever);
  }
}

void Connection::Inject(Side side, std::function<void()> deliver) {
  if (!ends_[side].open) return;
  ends_[side].inbox.push_back(std::move(deliver));
  Wake(side);
}

void Connection::Reset() {
  for (const Side side : {kClient, kServer}) {
    LoseTail(side);
    End& end = ends_[side];
    end.cut = true;
    if (!end.open) continue;
    // What has arrived and was not read yet goes with it, or not.
    const bool unread_lost = network_->rng().Below(2) == 0;
    const SteadyMicros noticed = network_->Latency(ends_[Other(side)].node, end.node);
    network_->simulation().After(noticed, [self = shared_from_this(), side, unread_lost] {
      End& end = self->ends_[side];
      if (!end.open) return;
      if (unread_lost && !end.working) end.inbox.clear();
      self->Break(side, absl::UnavailableError("connection reset"));
    });
  }
}

void Connection::Forget(Side side) {
  ends_[side].sent.clear();
  Break(side, absl::UnavailableError("connection timed out"));
  NoticeSilence(Other(side), 0);
}

void Connection::Died(Side side, bool silently) {
  End& end = ends_[side];
  const bool was_open = end.open;
  end.open = false;
  end.inbox.clear();
  end.closed = nullptr;
  if (silently) {
    if (end.stuck != 0) end.sent.clear();
    LoseTail(side);
    if (was_open) NoticeSilence(Other(side), 0);
    return;
  }
  if (!was_open) return;
  LoseTail(side);
  Parcel gone;
  gone.closes = true;
  gone.why = absl::UnavailableError("connection reset by peer");
  Put(side, std::move(gone));
}

// ---- Delivery -------------------------------------------------------------------------------------------------------

void Connection::Wake(Side side) {
  End& end = ends_[side];
  Simulation& simulation = network_->simulation();
  if (!simulation.Alive(end.process)) return;
  if (end.worker != 0) {
    simulation.Wake(&end.arrival, true);
  } else if (!end.inbox.empty()) {
    end.worker =
        simulation.SpawnIn(end.process, "net", [self = shared_from_this(), side] { self->WorkOff(side); });
  }
}

void Connection::WorkOff(Side side) {
  End& end = ends_[side];
  Simulation& simulation = network_->simulation();
  for (;;) {
    while (!end.inbox.empty()) {
      const std::function<void()> next = std::move(end.inbox.front());
      end.inbox.pop_front();
      end.working = true;
      next();
      end.working = false;
      simulation.Wake(&end.idle, true);
    }
    if (!end.open) break;
    simulation.Block(&end.arrival, runtime::Scheduler::kNever);
  }
  end.worker = 0;
}

}  // namespace weir::sim
