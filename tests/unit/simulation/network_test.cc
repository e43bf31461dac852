#include "tests/simulation/network/network.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/simulation/run.h"

namespace weir::sim {
namespace {

/// A client that connects at once and a server; both note what comes.
struct Pair {
  explicit Pair(uint64_t seed) : simulation(seed), network(&simulation) {
    a = simulation.AddNode("a");
    b = simulation.AddNode("b");
    server = simulation.StartProcess(b, "server", [this] {
      network.Listen(simulation.current_process(), "b:1", [this](const std::shared_ptr<Connection>& accepted) {
        at_server = accepted;
        accepted->OnServerClosed([this](absl::Status why) { server_closed = std::string(why.message()); });
      });
    });
    client = simulation.StartProcess(a, "client", [this] {
      simulation.Await(1000);
      auto opened = network.Connect("b:1", kSecond, [this](absl::Status why) {
        client_closed = std::string(why.message());
        closed_at = simulation.Now();
      }, {}, nullptr);
      if (opened.ok()) at_client = *opened;
      opened_at = simulation.Now();
    });
    Run(simulation, kSecond);
  }
  /// Number after number, from the client, each after a while.
  void Count(int numbers, SteadyMicros every) {
    simulation.SpawnIn(client, "count", [this, numbers, every] {
      for (int i = 0; i < numbers; ++i) {
        at_client->Send(Connection::kClient, [this, i] { got.push_back(i), arrived.push_back(simulation.Now()); });
        simulation.Await(every);
      }
    });
  }
  bool InOrder() const {
    for (size_t i = 0; i < got.size(); ++i) {
      if (got[i] != static_cast<int>(i)) return false;
    }
    return true;
  }

  Simulation simulation;
  Network network;
  NodeId a = 0, b = 0;
  ProcessId client = 0, server = 0;
  std::shared_ptr<Connection> at_client, at_server;
  std::string client_closed, server_closed;
  SteadyMicros opened_at = 0, closed_at = 0;
  std::vector<int> got;
  std::vector<SteadyMicros> arrived;
};

TEST_CASE("what is sent arrives once and in order, later than it was sent") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Pair pair(seed);
    REQUIRE(pair.at_client != nullptr);
    REQUIRE(pair.at_server != nullptr);
    pair.network.SetDelay(pair.a, pair.b, 50'000);
    pair.Count(100, 100);
    Run(pair.simulation, 3 * kSecond);
    CHECK(pair.got.size() == 100);
    CHECK(pair.InOrder());
    CHECK(pair.arrived[0] > kSecond);
    CHECK(pair.client_closed.empty());
  }
}

TEST_CASE("a blocked way holds what is sent; it comes when the way is open") {
  Pair pair(1);
  pair.network.Block(pair.a, pair.b);
  pair.network.Block(pair.a, pair.b);
  pair.Count(10, 100);
  Run(pair.simulation, 3 * kSecond);
  CHECK(pair.got.empty());
  pair.network.Unblock(pair.a, pair.b);
  Run(pair.simulation, 4 * kSecond);
  CHECK(pair.got.empty());
  pair.network.Unblock(pair.a, pair.b);
  Run(pair.simulation, 5 * kSecond);
  CHECK(pair.got.size() == 10);
  CHECK(pair.InOrder());
}

TEST_CASE("one direction may be blocked without the other") {
  Pair pair(1);
  pair.network.Block(pair.b, pair.a);
  pair.Count(10, 100);
  bool answered = false;
  pair.simulation.SpawnIn(pair.server, "answer",
                          [&] { pair.at_server->Send(Connection::kServer, [&] { answered = true; }); });
  Run(pair.simulation, 3 * kSecond);
  CHECK(pair.got.size() == 10);
  CHECK_FALSE(answered);
}

TEST_CASE("silence is noticed after keepalive's time, at both ends, and what was held is lost") {
  Pair pair(3);
  pair.network.Block(pair.a, pair.b);
  pair.Count(5, 100);
  Run(pair.simulation, 10 * kSecond);
  CHECK(pair.client_closed.empty());
  Run(pair.simulation, 22 * kSecond);
  CHECK(pair.client_closed == "keepalive watchdog timeout");
  CHECK(pair.server_closed == "keepalive watchdog timeout");
  pair.network.Heal();
  Run(pair.simulation, 30 * kSecond);
  CHECK(pair.got.empty());
}

TEST_CASE("a reset is heard of at both ends; a beginning of what was sent may arrive") {
  bool some = false, all = false;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Pair pair(seed);
    pair.network.SetDelay(pair.a, pair.b, 100'000);
    pair.Count(20, 1000);
    Run(pair.simulation, kSecond + 15'000);
    pair.network.Reset(pair.a, pair.b);
    Run(pair.simulation, 3 * kSecond);
    CHECK(pair.client_closed == "connection reset");
    CHECK(pair.server_closed == "connection reset");
    CHECK(pair.InOrder());
    some = some || (!pair.got.empty() && pair.got.size() < 20);
    all = all || pair.got.size() > 10;
  }
  CHECK(some);
}

TEST_CASE("the death of a process is heard of soon, the loss of a machine is not") {
  {
    Pair killed(5);
    killed.simulation.Kill(killed.server);
    Run(killed.simulation, 2 * kSecond);
    CHECK(killed.client_closed == "connection reset by peer");
  }
  Pair lost(5);
  lost.network.PowerOff(lost.b);
  lost.simulation.Kill(lost.server);
  lost.Count(5, 1000);
  Run(lost.simulation, 6 * kSecond);
  CHECK(lost.client_closed.empty());
  SECTION("until keepalive's time is over") {
    Run(lost.simulation, 23 * kSecond);
    CHECK(lost.client_closed == "keepalive watchdog timeout");
  }
  SECTION("until it is back and something is sent to it") {
    lost.network.PowerOn(lost.b);
    Run(lost.simulation, 7 * kSecond);
    CHECK(lost.client_closed.empty());
    lost.Count(1, 1000);
    Run(lost.simulation, 8 * kSecond);
    CHECK(lost.client_closed == "connection reset by peer");
  }
  CHECK(lost.got.empty());
}

TEST_CASE("who has forgotten a connection tells it to who sends on it") {
  Pair pair(2);
  pair.network.HalfOpen(pair.b, pair.a);
  Run(pair.simulation, 5 * kSecond);
  CHECK(pair.server_closed == "connection timed out");
  CHECK(pair.client_closed.empty());
  pair.Count(1, 0);
  Run(pair.simulation, 6 * kSecond);
  CHECK(pair.client_closed == "connection reset by peer");
  CHECK(pair.got.empty());
}

TEST_CASE("a process that stands takes what has come when it goes on") {
  Pair pair(4);
  pair.simulation.Pause(pair.server);
  pair.Count(10, 100);
  Run(pair.simulation, 3 * kSecond);
  CHECK(pair.got.empty());
  pair.simulation.Continue(pair.server);
  Run(pair.simulation, 4 * kSecond);
  CHECK(pair.got.size() == 10);
}

TEST_CASE("a close comes after what was sent") {
  Pair pair(6);
  pair.Count(3, 0);
  pair.simulation.SpawnIn(pair.client, "close", [&] {
    pair.simulation.Await(1000);
    pair.at_client->Close(Connection::kClient, absl::AbortedError("enough"));
    pair.at_client->Close(Connection::kClient, absl::AbortedError("again"));
  });
  Run(pair.simulation, 2 * kSecond);
  CHECK(pair.got.size() == 3);
  CHECK(pair.server_closed == "enough");
  CHECK(pair.client_closed == "enough");
}

TEST_CASE("nothing runs on a side that has given up") {
  Pair other(6);
  bool delivered = false;
  other.simulation.SpawnIn(other.client, "give up", [&] {
    other.at_server->Send(Connection::kServer, [&] { delivered = true; });
    other.at_client->Abandon(Connection::kClient);
    other.at_client->AwaitIdle(Connection::kClient);
  });
  Run(other.simulation, 2 * kSecond);
  CHECK_FALSE(delivered);
  CHECK(other.client_closed.empty());
  CHECK(other.server_closed == "the peer has ended the stream");
}

TEST_CASE("connecting: refused at once, no answer in time, and as soon as there is one") {
  Simulation simulation(1);
  Network network(&simulation);
  const NodeId a = simulation.AddNode("a"), b = simulation.AddNode("b");
  const ProcessId server = simulation.StartProcess(b, "server", [&] {
    network.Listen(simulation.current_process(), "b:1", [](const std::shared_ptr<Connection>&) {});
  });
  std::vector<std::string> outcomes;
  std::vector<SteadyMicros> times;
  const auto connect = [&](const char* address) {
    const SteadyMicros before = simulation.Now();
    auto opened = network.Connect(address, kSecond, [](absl::Status) {}, {}, nullptr);
    outcomes.push_back(opened.ok() ? "open" : std::string(opened.status().message()));
    times.push_back(simulation.Now() - before);
  };
  simulation.StartProcess(a, "client", [&] {
    simulation.Await(1000);
    connect("b:2");
    network.Block(b, a);
    connect("b:1");
    simulation.After(kSecond / 2, [&] { network.Unblock(b, a); });
    connect("b:1");
    network.Refuse(a, b, true);
    connect("b:1");
    network.Refuse(a, b, false);
    simulation.Pause(server);
    connect("b:1");
    simulation.Kill(server);
    connect("b:1");
  });
  Run(simulation, 10 * kSecond);
  CHECK(outcomes == std::vector<std::string>{"connection to b:2 refused", "no answer from b:1", "open",
                                             "connection to b:1 refused", "no answer from b:1",
                                             "connection to b:1 refused"});
  CHECK(times[0] < kSecond / 10);
  CHECK(times[1] >= kSecond);
  CHECK(times[2] >= kSecond / 2);
  CHECK(times[2] < kSecond);
}

TEST_CASE("a request that is held may be served after its caller has given up") {
  Simulation simulation(1);
  Network network(&simulation);
  const NodeId a = simulation.AddNode("a"), service = simulation.AddNode("kafka");
  int served = 0;
  std::vector<CallOutcome> outcomes;
  simulation.StartProcess(a, "client", [&] {
    const auto call = [&](bool answers) {
      outcomes.push_back(network.Call(service, kSecond, [&served, answers] { return ++served, answers; }));
    };
    call(true);
    call(false);
    CHECK(served == 2);
    network.Block(a, service);
    call(true);
    CHECK(served == 2);
    network.Unblock(a, service);
    simulation.Await(kSecond);
    CHECK(served == 3);
    network.Block(service, a);
    call(true);
    CHECK(served == 4);
    network.Unblock(service, a);
    network.Refuse(a, service, true);
    call(true);
    CHECK(served == 4);
  });
  Run(simulation, 20 * kSecond);
  CHECK(outcomes == std::vector<CallOutcome>{CallOutcome::kAnswered, CallOutcome::kUnknown, CallOutcome::kUnknown,
                                             CallOutcome::kUnknown, CallOutcome::kUnreachable});
}

}  // namespace
}  // namespace weir::sim
