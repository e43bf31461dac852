// Recovery that dies, or meets another one, at every place.
#include <catch2/catch.hpp>

#include "tests/unit/kafka/transaction/recovery_fixture.h"

namespace weir::taskmanager::kafka::testing {
namespace {

using Values = std::vector<std::string>;

/// Two lost ones with three records each and one that is only decided.
struct Scene {
  KafkaModel cluster;
  std::vector<KafkaHandle> handles;
  Scene() {
    handles.push_back(Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1"), Record("b", "2"), Record("a", "3")}, 5'000));
    handles.push_back(Prepare(cluster, Tid(1, 0, 1), 6, {Record("a", "4"), Record("b", "5"), Record("a", "6")}, 5'000));
    handles.push_back(Prepare(cluster, Tid(1, 0, 2), 7, {Record("a", "7")}, 600'000));
    cluster.AdvanceMillis(20'000);
  }
  void CheckExactlyOnce() {
    CHECK(Visible(cluster) == Values{"1", "2", "3", "4", "5", "6", "7"});
    CHECK(cluster.Open().empty());
  }
};

int64_t CallsWithoutTrouble() {
  Scene scene;
  Recovery recovery(&scene.cluster);
  REQUIRE(recovery.Resolve(scene.handles).ok());
  CHECK(recovery.counts.repaired == 3);
  scene.CheckExactlyOnce();
  return recovery.process.calls;
}

/// Runs `what` at the n-th call of the process, before or after its effect.
void AtCall(Recovery& recovery, int64_t n, bool after, std::function<void()> what) {
  auto done = std::make_shared<bool>(false);
  recovery.process.on_call = [&recovery, n, after, what = std::move(what), done](const std::string&, bool is_after) {
    if (recovery.process.calls != n || is_after != after || *done) return;
    *done = true;
    what();
  };
}

TEST_CASE("a recovery that dies anywhere is finished by the next one") {
  const int64_t calls = CallsWithoutTrouble();
  REQUIRE(calls > 30);
  for (int64_t n = 1; n <= calls; ++n) {
    for (const bool after : {false, true}) {
      INFO("call " << n << (after ? " after" : " before"));
      Scene scene;
      Recovery first(&scene.cluster, 8), second(&scene.cluster, 9);
      AtCall(first, n, after, [&] { first.process.dead = true; });
      (void)first.Resolve(scene.handles);
      REQUIRE(second.Resolve(scene.handles).ok());
      REQUIRE(second.Sweep().ok());
      scene.CheckExactlyOnce();
    }
  }
}

TEST_CASE("a recovery that dies in the next one too") {
  const int64_t calls = CallsWithoutTrouble();
  for (int64_t n = 1; n <= calls; n += 2) {
    for (int64_t m = 1; m <= calls; m += 3) {
      Scene scene;
      Recovery first(&scene.cluster, 8), second(&scene.cluster, 9), third(&scene.cluster, 10);
      AtCall(first, n, true, [&] { first.process.dead = true; });
      AtCall(second, m, true, [&] { second.process.dead = true; });
      (void)first.Resolve(scene.handles);
      (void)second.Resolve(scene.handles);
      REQUIRE(third.Resolve(scene.handles).ok());
      scene.CheckExactlyOnce();
    }
  }
}

TEST_CASE("a second repairer runs while the first is paused anywhere; the first goes on") {
  const int64_t calls = CallsWithoutTrouble();
  for (int64_t n = 1; n <= calls; ++n) {
    for (const bool after : {false, true}) {
      INFO("call " << n << (after ? " after" : " before"));
      Scene scene;
      Recovery first(&scene.cluster, 8), second(&scene.cluster, 9), third(&scene.cluster, 10);
      AtCall(first, n, after, [&] {
        REQUIRE(second.Resolve(scene.handles).ok());
        scene.CheckExactlyOnce();
      });
      (void)first.Resolve(scene.handles);  // it may be fenced; it may not do harm
      REQUIRE(third.Sweep().ok());
      scene.CheckExactlyOnce();
    }
  }
}

TEST_CASE("the first comes back in the middle of the second; the third settles it") {
  const int64_t calls = CallsWithoutTrouble();
  for (int64_t n = 1; n <= calls; n += 2) {
    for (int64_t m = 1; m <= calls; m += 2) {
      INFO("calls " << n << ", " << m);
      // The second is stopped at its m-th call by the rest of the first: as if both had run side by side.
      Scene scene;
      Recovery first(&scene.cluster, 8), second(&scene.cluster, 9), third(&scene.cluster, 10);
      AtCall(second, m, false, [&] { (void)first.Resolve(scene.handles); });
      AtCall(first, n, true, [&] { first.process.dead = true; });
      (void)second.Resolve(scene.handles);
      REQUIRE(third.Resolve(scene.handles).ok());
      REQUIRE(third.Sweep().ok());
      scene.CheckExactlyOnce();
    }
  }
}

TEST_CASE("a late EndTxn of the old process finds itself refused") {
  Scene scene;
  Recovery recovery(&scene.cluster);
  recovery.process.on_call = [&](const std::string& call, bool after) {
    if (call != "RepairProduce") return;
    for (const KafkaHandle& handle : scene.handles) {
      CHECK(scene.cluster.EndTxn(handle.transactional_id, handle.identity, true) != kNone);
    }
  };
  REQUIRE(recovery.Resolve(scene.handles).ok());
  scene.CheckExactlyOnce();
}

TEST_CASE("replies get lost all the time") {
  Scene scene;
  Recovery recovery(&scene.cluster);
  recovery.process.lose_replies = true;
  (void)recovery.Resolve(scene.handles);
  Recovery next(&scene.cluster, 10);
  REQUIRE(next.Resolve(scene.handles).ok());
  scene.CheckExactlyOnce();
}

TEST_CASE("the broker's timeout meets the repair itself") {
  const int64_t calls = CallsWithoutTrouble();
  for (int64_t n = 1; n <= calls; ++n) {
    Scene scene;
    Recovery first(&scene.cluster, 8), second(&scene.cluster, 9);
    AtCall(first, n, true, [&] { scene.cluster.AdvanceMillis(700'000); });
    (void)first.Resolve(scene.handles);
    REQUIRE(second.Resolve(scene.handles).ok());
    scene.CheckExactlyOnce();
  }
}

}  // namespace
}  // namespace weir::taskmanager::kafka::testing
