#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/simulation/kafka/cluster_model.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

/// The way from simulated processes to the brokers and back. A request that has left takes effect whatever becomes of
/// its sender, at a time that nobody chooses; its answer may be lost.
/// Thread: the simulation's.
class KafkaNetwork {
 public:
  using Handler = std::function<BrokerAnswer(ClusterModel& cluster, int broker)>;
  struct Faults {
    int lost_requests_percent = 0;
    int lost_replies_percent = 0;
    SteadyMicros late = 0;  // so much longer may a request be on its way
  };

  /// Both must outlive it.
  KafkaNetwork(Simulation* simulation, ClusterModel* cluster);

  /// Sends, waits for the answer; at most `patience` of the process's clock. kUnavailable: none came, whatever that
  /// means. What `handle` captures must own itself: it may run when the caller is gone.
  absl::StatusOr<BrokerAnswer> Ask(int broker, Handler handle, SteadyMicros patience);

  void PauseBroker(int broker);
  void ContinueBroker(int broker);
  Faults& faults() { return faults_; }
  /// Whether what a node sends to Kafka (or Kafka to it) arrives.
  void SetLink(std::function<bool(NodeId node, bool to_kafka)> passes) { passes_ = std::move(passes); }
  ClusterModel& cluster() { return *cluster_; }
  /// With time brought up to now.
  ClusterModel& cluster_now();
  Simulation& simulation() { return *simulation_; }
  Rng& rng() { return rng_; }

 private:
  struct Exchange;
  void Arrive(const std::shared_ptr<Exchange>& exchange);
  void Reply(const std::shared_ptr<Exchange>& exchange, bool broken);
  SteadyMicros Latency();
  bool Percent(int percent) { return percent > 0 && rng_.Below(100) < static_cast<uint64_t>(percent); }

  Simulation* const simulation_;
  ClusterModel* const cluster_;
  Rng rng_;
  Faults faults_;
  SteadyMicros usual_latency_;
  std::function<bool(NodeId, bool)> passes_;
  std::vector<bool> paused_;
  std::vector<std::vector<std::shared_ptr<Exchange>>> held_;  // at paused brokers
};

}  // namespace weir::sim
