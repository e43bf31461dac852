#include "tests/simulation/etcd/etcd_model.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace weir::sim {
namespace {

namespace etcd = jobmanager::etcd;
using Of = etcd::Compare::Of;

constexpr SteadyMicros kSecond = 1'000'000;

/// A process that talks to an etcd.
struct Harness {
  explicit Harness(uint64_t seed) : simulation(seed), network(&simulation), model(&simulation, &network) {
    node = simulation.AddNode("jm-1");
    process = simulation.StartProcess(node, "jm-1", [this] { client = model.MakeClient(); });
    Run([] {});
  }
  void Run(std::function<void()> body, SteadyMicros time = 20 * kSecond) {
    simulation.SpawnIn(process, "test", std::move(body));
    const SteadyMicros until = simulation.Now() + time;
    simulation.At(until, [] {});
    simulation.RunUntil(until);
  }
  absl::StatusOr<etcd::TransactionResult> Put(const std::string& key, const std::string& value, int64_t lease = 0) {
    return client->Transact({{}, {etcd::Put{key, value, lease}}, {}});
  }
  std::vector<etcd::KeyValue> Get(const std::string& key, const std::string& end = {}) {
    return client->Transact({{}, {etcd::Range{key, end}}, {}})->ranges[0];
  }

  Simulation simulation;
  Network network;
  EtcdModel model;
  NodeId node = 0;
  ProcessId process = 0;
  std::unique_ptr<etcd::Client> client;
};

TEST_CASE("etcd: revisions grow with every transaction that writes, and guard the next one") {
  Harness h(1);
  h.Run([&] {
    const int64_t first = h.Put("a", "1")->revision;
    CHECK(h.Put("a", "2")->revision == first + 1);
    CHECK(h.client->Transact({{}, {etcd::Range{"a"}}, {}})->revision == first + 1);
    const etcd::KeyValue a = h.Get("a")[0];
    CHECK(a.value == "2");
    CHECK(a.create_revision == first);
    CHECK(a.mod_revision == first + 1);
    const etcd::Transaction guarded{{{"a", Of::kModRevision, first + 1}, {"b", Of::kCreateRevision, 0}},
                                    {etcd::Put{"b", "x"}},
                                    {etcd::Range{"b"}}};
    CHECK(h.client->Transact(guarded)->succeeded);
    const auto refused = h.client->Transact(guarded);
    CHECK_FALSE(refused->succeeded);
    CHECK(refused->ranges[0][0].value == "x");
    CHECK(h.Get("a", "c").size() == 2);
    CHECK(h.client->Transact({{}, {etcd::DeleteRange{"a", "b"}}, {}})->succeeded);
    CHECK(h.Get("a").empty());
    CHECK(h.Get("b").size() == 1);
    CHECK(h.Put("big", std::string(2'000'000, 'x')).status().code() == absl::StatusCode::kResourceExhausted);
  });
}

TEST_CASE("etcd: a lease that is not kept alive ends with its keys, soon after its time") {
  Harness h(2);
  h.Run([&] {
    const int64_t lease = *h.client->Grant(2);
    REQUIRE(h.Put("leader", "jm-1", lease).ok());
    for (int i = 0; i < 5; ++i) {
      h.simulation.Await(kSecond);
      CHECK(h.client->KeepAlive(lease).ok());
    }
    CHECK(h.Get("leader").size() == 1);
    const int64_t revision = h.model.revision();
    h.simulation.Await(kSecond + kSecond / 2);
    CHECK(h.Get("leader").size() == 1);
    h.simulation.Await(2 * kSecond);
    CHECK(h.Get("leader").empty());
    CHECK(h.model.revision() == revision + 1);
    CHECK(h.client->KeepAlive(lease).code() == absl::StatusCode::kNotFound);
    CHECK(h.Put("leader", "jm-1", lease).status().code() == absl::StatusCode::kNotFound);
    CHECK(h.client->Revoke(lease).ok());
    const int64_t other = *h.client->Grant(2);
    REQUIRE(h.Put("leader", "jm-1", other).ok());
    CHECK(h.client->Revoke(other).ok());
    CHECK(h.Get("leader").empty());
  });
}

TEST_CASE("etcd: who watches is woken by a change or by the end of the time") {
  Harness h(3);
  SteadyMicros changed = 0, timed_out = 0;
  h.Run([&] {
    const int64_t revision = h.Put("k", "1")->revision;
    const SteadyMicros before = h.simulation.Now();
    CHECK(h.client->Watch("k", revision, 1000).ok());
    timed_out = h.simulation.Now() - before;
    h.simulation.SpawnIn(h.process, "put", [&] {
      h.simulation.Await(kSecond / 4);
      CHECK(h.Put("k", "2").ok());
    });
    CHECK(h.client->Watch("k", revision, 1000).ok());
    changed = h.simulation.Now() - before - timed_out;
  });
  CHECK(timed_out >= kSecond);
  CHECK(changed >= kSecond / 4);
  CHECK(changed < kSecond / 2);
}

TEST_CASE("etcd: a reply that is lost says nothing; while it is down leases stay") {
  Harness h(4);
  h.Run([&] {
    h.model.LoseReplies(100);
    CHECK(h.Put("k", "1").status().code() == absl::StatusCode::kDeadlineExceeded);
    h.model.LoseReplies(0);
    CHECK(h.Get("k").size() == 1);
    const int64_t lease = *h.client->Grant(1);
    REQUIRE(h.Put("leader", "jm-1", lease).ok());
    h.model.SetDown(true, true);
    CHECK(h.Put("k", "2").status().code() == absl::StatusCode::kUnavailable);
    h.simulation.Await(5 * kSecond);
    h.model.SetDown(false, true);
    CHECK(h.client->KeepAlive(lease).ok());
    h.network.Block(h.node, h.simulation.node_of(h.process) == 1 ? 0 : 1);
    CHECK(h.Put("k", "2").status().code() == absl::StatusCode::kDeadlineExceeded);
    CHECK(h.model.keys().at("k").value == "1");
    h.network.Heal();
    h.simulation.Await(kSecond);
    CHECK(h.model.keys().at("k").value == "2");
  });
}

}  // namespace
}  // namespace weir::sim
