#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/protocol/client/cluster.h"

namespace weir::taskmanager::kafka::protocol {

/// A clock that only pauses move.
class FakeClock final : public Clock {
 public:
  SteadyMicros Steady() const override { return now; }
  WallMicros Wall() const override { return now; }
  SteadyMicros now = 1'000'000;
};

/// Brokers that answer requests from scripts, byte for byte as real ones do: two of them, node 1 and 2. The transaction
/// and the group coordinator is `coordinator`, which also leads partition 5 of topic `t`.
class FakeBrokers {
 public:
  FakeBrokers();

  std::unique_ptr<Cluster> MakeCluster();

  /// Answers of EndTxn, InitProducerId and so on, each once, by the request's name; the last stays. "" loses the
  /// connection; "-" says nothing until the deadline.
  using Body = std::function<void(WireWriter&, int16_t version)>;
  void Script(const Api& api, std::vector<Body> bodies) { scripts_[api.key] = {bodies.begin(), bodies.end()}; }
  void LoseConnections() { ++generation_; }

  FakeClock clock;
  int coordinator = 1;
  std::map<int, bool> down;         // by node
  std::vector<std::string> calls;   // "EndTxn@1"
  std::vector<std::string> bodies;  // of the requests, without their headers
  std::vector<SteadyMicros> pauses;
  int dials = 0;
  std::vector<ApiVersionsResponse::Range> ranges;
  absl::Status dial_error = absl::OkStatus();
  std::function<void()> before_answer = [] {};

 private:
  friend class FakeConnection;
  std::map<int16_t, std::deque<Body>> scripts_;
  int generation_ = 0;
};

/// Bodies for FakeBrokers::Script.
FakeBrokers::Body ErrorAnswer(const Api& api, int16_t error);  // EndTxn, InitProducerId
FakeBrokers::Body Lost();                                      // the connection
FakeBrokers::Body Silence();                                   // until the deadline

}  // namespace weir::taskmanager::kafka::protocol
