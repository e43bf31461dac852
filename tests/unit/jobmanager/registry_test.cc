#include <catch2/catch.hpp>

#include "jobmanager/cluster/scheduler.h"
#include "jobmanager/cluster/taskmanager_registry.h"

namespace weir::jobmanager {
namespace {

namespace action = registry_action;
constexpr SteadyMicros kSecond = 1'000'000;

struct Bench {
  Bench() { registry.SetStorageId("s"); }
  RegistryActions Register(SessionId session, const std::string& name, uint64_t incarnation,
                           int slots = 2) {
    registry.OnOpened(session, now);
    return registry.OnRegister(session, {name, "a", slots, "b", Incarnation(incarnation), {}}, now);
  }
  RegistryActions Check(SessionId session, absl::StatusCode code = absl::StatusCode::kOk,
                        const std::string& id = "s") {
    return registry.OnStorageChecked(session, {code, id}, now);
  }
  void Add(SessionId session, const std::string& name, uint64_t incarnation, int slots = 2) {
    Register(session, name, incarnation, slots);
    Check(session);
    REQUIRE(registry.Registered(session) != nullptr);
  }
  TaskManagerRegistry registry{{LeaderEpoch(1), "b", "file:///s", "id"}};
  SteadyMicros now = 0;
};

template <typename A>
const A* Has(const RegistryActions& actions) {
  for (const auto& a : actions) {
    if (auto* found = std::get_if<A>(&a)) return found;
  }
  return nullptr;
}
template <typename M>
const M* Sends(const RegistryActions& actions, SessionId session) {
  for (const auto& a : actions) {
    auto* send = std::get_if<action::Send>(&a);
    if (send == nullptr || send->session != session) continue;
    if (auto* message = std::get_if<M>(&send->message)) return message;
  }
  return nullptr;
}

TEST_CASE("Registry: slots count from Registered on") {
  Bench b;
  CHECK(Sends<control::RegisterReply>(b.Register(1, "tm", 7), 1) != nullptr);
  CHECK(b.registry.Slots() == 0);
  const auto actions = b.Check(1);
  CHECK(Sends<control::Registered>(actions, 1) != nullptr);
  CHECK(Has<action::Available>(actions)->name == "tm");
  CHECK(b.registry.Slots() == 2);
  CHECK(b.registry.Find("tm", Incarnation(7)) == SessionId(1));
  CHECK_FALSE(b.registry.Find("tm", Incarnation(8)).has_value());
}

TEST_CASE("Registry: nobody is asked for the storage before its id is known") {
  TaskManagerRegistry registry({LeaderEpoch(1), "b", "file:///s", "id"});
  registry.OnOpened(1, 0);
  CHECK(registry.OnRegister(1, {"tm", "a", 2, "b", Incarnation(1), {}}, 0).empty());
  CHECK(Sends<control::RegisterReply>(registry.SetStorageId("s"), 1) != nullptr);
}

TEST_CASE("Registry: refusals are for good and say why") {
  Bench b;
  b.registry.OnOpened(1, 0);
  auto actions = b.registry.OnRegister(1, {"tm", "a", 2, "other build", Incarnation(1), {}}, 0);
  REQUIRE(Sends<control::RegisterRefused>(actions, 1) != nullptr);
  CHECK(Has<action::Close>(actions) != nullptr);
  b.Register(2, "tm", 2);
  actions = b.Check(2, absl::StatusCode::kOk, "another storage");
  CHECK(Sends<control::RegisterRefused>(actions, 2) != nullptr);
  CHECK(b.registry.Slots() == 0);
}

TEST_CASE("Registry: storage that is unavailable is asked for again") {
  Bench b;
  b.Register(1, "tm", 1);
  CHECK(b.Check(1, absl::StatusCode::kUnavailable, "").empty());
  b.now += kSecond;
  CHECK(b.registry.NextWake() == b.now);
  CHECK(Sends<control::RegisterReply>(b.registry.OnTime(b.now), 1) != nullptr);
  CHECK(Sends<control::Registered>(b.Check(1), 1) != nullptr);
}

TEST_CASE("Registry: silence beyond heartbeat.timeout is loss, a heartbeat is answered") {
  Bench b;
  b.Add(1, "tm", 1);
  b.now = 2 * kSecond;
  CHECK(Sends<control::HeartbeatReply>(b.registry.OnHeartbeat(1, b.now), 1) != nullptr);
  b.now = 4 * kSecond;
  CHECK(b.registry.OnTime(b.now).empty());
  b.now = 5 * kSecond;
  const auto actions = b.registry.OnTime(b.now);
  REQUIRE(Has<action::Lost>(actions) != nullptr);
  CHECK(Has<action::Lost>(actions)->incarnation == Incarnation(1));
  CHECK(Has<action::Close>(actions) != nullptr);
  CHECK(b.registry.Slots() == 0);
  CHECK(b.registry.OnClosed(1, absl::OkStatus()).empty());
}

TEST_CASE("Registry: the name of a living TaskManager") {
  Bench b;
  b.Add(1, "tm", 1);
  CHECK(b.Register(2, "tm", 2).empty());
  SECTION("its owner speaks: the newcomer is refused") {
    const auto actions = b.registry.OnHeartbeat(1, b.now);
    CHECK(Sends<control::RegisterRefused>(actions, 2) != nullptr);
    CHECK(b.registry.Registered(1) != nullptr);
  }
  SECTION("its owner's stream breaks: the newcomer gets it") {
    const auto actions = b.registry.OnClosed(1, absl::UnavailableError("broken"));
    CHECK(Has<action::Lost>(actions) != nullptr);
    CHECK(Sends<control::RegisterReply>(actions, 2) != nullptr);
  }
  SECTION("its owner is silent: the newcomer gets it at the timeout") {
    b.now += 3 * kSecond;
    CHECK(Sends<control::RegisterReply>(b.registry.OnTime(b.now), 2) != nullptr);
  }
  SECTION("the same process on a new stream replaces the old one") {
    const auto actions = b.Register(3, "tm", 1);
    CHECK(Has<action::Lost>(actions) != nullptr);
    CHECK(Sends<control::RegisterReply>(actions, 3) != nullptr);
    CHECK(b.registry.OnClosed(1, absl::OkStatus()).empty());
  }
}

TEST_CASE("Registry: what ran there before is said, to be adopted or ended") {
  Bench b;
  b.registry.OnOpened(1, 0);
  b.registry.OnRegister(1, {"tm", "a", 2, "b", Incarnation(1), {{JobId{"j"}, Attempt(3)}}}, 0);
  const auto actions = b.Check(1);
  const auto* runs = Has<action::StillRuns>(actions);
  REQUIRE(runs != nullptr);
  CHECK(runs->session == 1);
  CHECK(runs->job == JobId{"j"});
  CHECK(runs->attempt == Attempt(3));
}

TEST_CASE("Registry: slots are given out and come back") {
  Bench b;
  b.Add(1, "a", 1);
  b.Add(2, "b", 2);
  b.registry.Assign({"j"}, {"a", "a", "b"});
  CHECK(b.registry.FreeSlots() == 1);
  b.registry.Release({"j"});
  CHECK(b.registry.FreeSlots() == 4);
}

TEST_CASE("Scheduler: spreads evenly, by the part that is used") {
  using List = std::vector<std::string>;
  CHECK(PickSlots({{"b", 2, 2}, {"a", 2, 2}}, 3) == List{"a", "b", "a"});
  CHECK(PickSlots({{"a", 2, 1}, {"b", 2, 2}}, 2) == List{"b", "a"});
  CHECK(PickSlots({{"big", 8, 8}, {"small", 1, 1}}, 4) == List{"big", "small", "big", "big"});
  CHECK(PickSlots({{"a", 2, 1}}, 2).empty());
  CHECK(PickSlots({}, 1).empty());
}

}  // namespace
}  // namespace weir::jobmanager
