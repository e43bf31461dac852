#include "tests/simulation/kafka/kafka_network.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::sim {

struct KafkaNetwork::Exchange {
  int broker = 0;
  NodeId node = 0;
  Handler handle;
  BrokerAnswer answer;
  bool done = false, broken = false;
  runtime::WaitList waiter;
};

KafkaNetwork::KafkaNetwork(Simulation* simulation, ClusterModel* cluster)
    : simulation_(simulation),
      cluster_(cluster),
      rng_(simulation->Stream("kafka network")),
      usual_latency_(50 + static_cast<SteadyMicros>(rng_.Below(1'000))),
      paused_(static_cast<size_t>(cluster->brokers())),
      held_(static_cast<size_t>(cluster->brokers())) {}

ClusterModel& KafkaNetwork::cluster_now() {
  cluster_->Advance(simulation_->Now());
  return *cluster_;
}

SteadyMicros KafkaNetwork::Latency() {
  const SteadyMicros usual = usual_latency_ + static_cast<SteadyMicros>(rng_.Below(200));
  return rng_.Below(200) == 0 ? usual + static_cast<SteadyMicros>(rng_.Below(50'000)) : usual;
}

absl::StatusOr<BrokerAnswer> KafkaNetwork::Ask(int broker, Handler handle, SteadyMicros patience) {
  auto exchange = std::make_shared<Exchange>();
  exchange->broker = broker;
  exchange->node = simulation_->node_of(simulation_->current_process());
  exchange->handle = std::move(handle);
  const bool passes = !passes_ || passes_(exchange->node, true);
  if (passes && !Percent(faults_.lost_requests_percent)) {
    SteadyMicros latency = Latency();
    if (faults_.late > 0 && rng_.Below(4) == 0) {
      latency += static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(faults_.late)));
    }
    simulation_->After(latency, [this, exchange] { Arrive(exchange); });
  }
  const Clock& clock = *simulation_->clock(exchange->node);
  const SteadyMicros until = clock.Steady() + patience;
  while (!exchange->done) {
    const SteadyMicros now = clock.Steady();
    if (now >= until) return absl::UnavailableError(absl::StrCat("broker ", broker, " does not answer"));
    simulation_->Block(&exchange->waiter, until - now);
  }
  if (exchange->broken) return absl::UnavailableError(absl::StrCat("broker ", broker, " has closed the connection"));
  return exchange->answer;
}

void KafkaNetwork::Arrive(const std::shared_ptr<Exchange>& exchange) {
  if (!cluster_->Up(exchange->broker)) {
    Reply(exchange, true);
    return;
  }
  if (paused_[static_cast<size_t>(exchange->broker)]) {
    held_[static_cast<size_t>(exchange->broker)].push_back(exchange);
    return;
  }
  exchange->answer = exchange->handle(cluster_now(), exchange->broker);
  simulation_->At(std::max(exchange->answer.ready_at, simulation_->Now()), [this, exchange] {
    const bool leads = cluster_now().Up(exchange->broker) && cluster_->StillLeads(exchange->answer);
    if (!Percent(faults_.lost_replies_percent)) Reply(exchange, !leads);
  });
}

void KafkaNetwork::Reply(const std::shared_ptr<Exchange>& exchange, bool broken) {
  simulation_->After(Latency(), [this, exchange, broken] {
    if (passes_ && !passes_(exchange->node, false)) return;
    exchange->done = true;
    exchange->broken = broken;
    simulation_->Wake(&exchange->waiter, true);
  });
}

void KafkaNetwork::PauseBroker(int broker) { paused_[static_cast<size_t>(broker)] = true; }

void KafkaNetwork::ContinueBroker(int broker) {
  paused_[static_cast<size_t>(broker)] = false;
  for (const std::shared_ptr<Exchange>& exchange : std::exchange(held_[static_cast<size_t>(broker)], {})) {
    simulation_->After(Latency(), [this, exchange] { Arrive(exchange); });
  }
}

}  // namespace weir::sim
