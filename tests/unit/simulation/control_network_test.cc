#include "tests/simulation/network/control_network.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/simulation/network/network_faults.h"
#include "tests/unit/simulation/run.h"

namespace weir::sim {
namespace {

control::ToTaskManager Complete(int64_t checkpoint) {
  return control::CheckpointComplete{{LeaderEpoch(1), JobId{"j"}, Attempt(1)}, CheckpointId(checkpoint)};
}
control::ToJobManager Ack(int64_t checkpoint) {
  control::CheckpointAck ack;
  ack.fence = {LeaderEpoch(1), JobId{"j"}, Attempt(1)};
  ack.checkpoint = CheckpointId(checkpoint);
  return ack;
}

/// The JobManager's end: notes what it hears, by link.
struct Handler final : control::TaskManagerLinkHandler {
  void OnOpened(std::shared_ptr<control::TaskManagerLink> link, const std::string& peer) override {
    heard.push_back(absl::StrCat("opened by ", peer));
    links.push_back(std::move(link));
  }
  void OnMessage(control::TaskManagerLink* link, control::ToJobManager message) override {
    if (const auto* ack = std::get_if<control::CheckpointAck>(&message)) {
      heard.push_back(absl::StrCat(Number(link), ": ack ", ack->checkpoint.value));
    } else if (const auto* reg = std::get_if<control::Register>(&message)) {
      heard.push_back(absl::StrCat(Number(link), ": register ", reg->name));
    }
  }
  void OnClosed(control::TaskManagerLink* link, absl::Status why) override {
    heard.push_back(absl::StrCat(Number(link), ": closed"));
  }
  int Number(control::TaskManagerLink* link) const {
    for (size_t i = 0; i < links.size(); ++i) {
      if (links[i].get() == link) return static_cast<int>(i);
    }
    return -1;
  }
  std::vector<std::shared_ptr<control::TaskManagerLink>> links;
  std::vector<std::string> heard;
};

struct Cluster {
  explicit Cluster(uint64_t seed) : simulation(seed), network(&simulation), control(&network) {
    jm = simulation.AddNode("jm-1");
    tm = simulation.AddNode("tm-1");
    jobmanager = simulation.StartProcess(
        jm, "jm-1", [this] { control.Listen(simulation.current_process(), "jm-1:1", &handler); });
    taskmanager = simulation.StartProcess(tm, "tm-1", [this] {
      simulation.Await(1000);
      connector = control.Connector({"jm-2:1", "jm-1:1"});
    });
    Run(simulation, kSecond / 10);
  }
  control::JobManagerConnector::Events Events(const std::string& name) {
    return {[this, name](control::ToTaskManager message) {
              heard.push_back(absl::StrCat(name, ": complete ",
                                           std::get<control::CheckpointComplete>(message).checkpoint.value));
            },
            [this, name](absl::Status) { heard.push_back(absl::StrCat(name, ": closed")); }};
  }
  void OnTaskManager(std::function<void()> body) {
    simulation.SpawnIn(taskmanager, "test", std::move(body));
    Run(simulation, simulation.Now() + 3 * kSecond);
  }

  Simulation simulation;
  Network network;
  ControlNetwork control;
  NodeId jm = 0, tm = 0;
  ProcessId jobmanager = 0, taskmanager = 0;
  Handler handler;
  std::unique_ptr<control::JobManagerConnector> connector;
  std::unique_ptr<control::JobManagerLink> link, second;
  std::vector<std::string> heard;
};

using Lines = std::vector<std::string>;

TEST_CASE("control messages go both ways, in order, between opened and closed") {
  Cluster cluster(1);
  cluster.OnTaskManager([&] {
    cluster.link = *cluster.connector->Connect(cluster.Events("tm"));
    cluster.link->Send(Ack(1));
    cluster.link->Send(Ack(2));
    cluster.simulation.Await(kSecond);
    cluster.handler.links[0]->Send(Complete(1));
    cluster.handler.links[0]->Send(Complete(2));
    cluster.handler.links[0]->Close(absl::AbortedError("go"));
  });
  CHECK(cluster.handler.heard == Lines{"opened by tm-1", "0: ack 1", "0: ack 2", "0: closed"});
  CHECK(cluster.heard == Lines{"tm: complete 1", "tm: complete 2", "tm: closed"});
}

TEST_CASE("nothing is heard on a link that was let go, and the JobManager hears of it") {
  Cluster cluster(2);
  cluster.OnTaskManager([&] {
    cluster.link = *cluster.connector->Connect(cluster.Events("tm"));
    cluster.simulation.Await(kSecond);
    cluster.handler.links[0]->Send(Complete(1));
    cluster.link = nullptr;
  });
  CHECK(cluster.heard.empty());
  CHECK(cluster.handler.heard == Lines{"opened by tm-1", "0: closed"});
}

TEST_CASE("the last words of a link may come after the first of the next one") {
  bool after = false;
  for (uint64_t seed = 0; seed < 200 && !after; ++seed) {
    Cluster cluster(seed);
    cluster.network.SetDelay(cluster.tm, cluster.jm, 50'000);
    cluster.OnTaskManager([&] {
      cluster.link = *cluster.connector->Connect(cluster.Events("tm"));
      cluster.simulation.Await(100'000);
      cluster.link->Send(Ack(1));
      cluster.link = nullptr;
      cluster.second = *cluster.connector->Connect(cluster.Events("again"));
      control::Register reg;
      reg.name = "tm-1";
      cluster.second->Send(reg);
    });
    const Lines& heard = cluster.handler.heard;
    const auto at = [&](const char* line) { return std::find(heard.begin(), heard.end(), line); };
    if (at("0: ack 1") != heard.end() && at("1: register tm-1") < at("0: ack 1")) after = true;
    CHECK(at("0: closed") != heard.end());
  }
  CHECK(after);
}

TEST_CASE("fenced messages are replayed while it is wanted, on the link that is there then; others never") {
  Cluster cluster(4);
  Nemesis nemesis;
  AddNetworkFaults(&cluster.network, &cluster.control, &nemesis);
  const auto plan = FaultPlan::Parse("0.2+1 replay(tm-1,jm-1)=100");
  REQUIRE(nemesis.Check(*plan).ok());
  cluster.simulation.SpawnIn(kOutside, "nemesis", [&] {
    nemesis.Run(*plan, [&](SteadyMicros at) {
      if (at > cluster.simulation.Now()) cluster.simulation.Await(at - cluster.simulation.Now());
    }, {});
  });
  cluster.OnTaskManager([&] {
    cluster.simulation.Await(kSecond / 2);
    cluster.link = *cluster.connector->Connect(cluster.Events("tm"));
    control::Register reg;
    reg.name = "tm-1";
    cluster.link->Send(reg);
    cluster.link->Send(Ack(1));
    cluster.simulation.Await(kSecond);
    cluster.link->Send(Ack(2));  // the fault is over
  });
  Run(cluster.simulation, 10 * kSecond);
  const Lines& heard = cluster.handler.heard;
  CHECK(std::count(heard.begin(), heard.end(), "0: register tm-1") == 1);
  CHECK(std::count(heard.begin(), heard.end(), "0: ack 1") == 2);
  CHECK(std::count(heard.begin(), heard.end(), "0: ack 2") == 1);
}

TEST_CASE("a dead JobManager is noticed, and nobody answers until there is another one") {
  Cluster cluster(5);
  bool refused = false;
  cluster.OnTaskManager([&] {
    cluster.link = *cluster.connector->Connect(cluster.Events("tm"));
    cluster.simulation.Await(1000);
    cluster.simulation.Kill(cluster.jobmanager);
    cluster.simulation.Await(kSecond);
    refused = cluster.connector->Connect(cluster.Events("no")).status().code() == absl::StatusCode::kUnavailable;
  });
  CHECK(refused);
  CHECK(cluster.heard == Lines{"tm: closed"});
}

}  // namespace
}  // namespace weir::sim
