#include <catch2/catch.hpp>

#include "jobmanager/checkpoint/checkpoint_coordinator.h"
#include "jobmanager/checkpoint/retention.h"

namespace weir::jobmanager {
namespace {

namespace action = coordinator_action;
namespace event = coordinator_event;

constexpr SteadyMicros kSecond = 1'000'000;

/// Two subtasks (0/0 a source, 1/0 a sink) on two TaskManagers.
struct Bench {
  explicit Bench(CheckpointConfig config = {.interval = kSecond, .timeout = 10 * kSecond})
      : coordinator(
            {config, {{0, 0}, {1, 0}}, {"tm-1", "tm-2"}, CheckpointId(1), CheckpointId(10'001)}) {}

  template <typename E>
  void Step(E e) {
    actions = coordinator.Step(CoordinatorEvent(std::move(e)), now, wall_ms);
  }
  /// To the next time that something is due.
  void Wake() {
    REQUIRE(coordinator.NextWake().has_value());
    now = *coordinator.NextWake();
    Step(event::TimePassed{});
  }
  template <typename A>
  const A* Has() const {
    for (const auto& a : actions) {
      if (auto* found = std::get_if<A>(&a)) return found;
    }
    return nullptr;
  }
  CheckpointId Trigger() {
    Wake();
    REQUIRE(Has<action::SendTrigger>() != nullptr);
    return Has<action::SendTrigger>()->id;
  }
  void Ack(CheckpointId id, SubtaskId subtask, int64_t deadline_ms = -1) {
    control::CheckpointAck ack;
    ack.checkpoint = id;
    ack.snapshot.subtask = subtask;
    if (deadline_ms >= 0) {
      ack.snapshot.operators.push_back({});
      ack.snapshot.operators[0].node = "out";
      ack.snapshot.operators[0].handles.push_back({id, 0, "kafka", "h", deadline_ms});
    }
    Step(event::Acked{ack});
  }
  void AckAll(CheckpointId id, int64_t deadline_ms = -1) {
    Ack(id, {0, 0});
    Ack(id, {1, 0}, deadline_ms);
  }
  void Complete(CheckpointId id) {
    AckAll(id);
    Step(event::ManifestWritten{id, {"m", 1, 1}});
    Step(event::Recorded{id});
  }
  void Decline(CheckpointId id, bool storage) {
    Step(event::Declined{id, {1, 0}, absl::AbortedError("no"), storage});
  }

  CheckpointCoordinator coordinator;
  SteadyMicros now = 0;
  int64_t wall_ms = 1'000'000;
  std::vector<CoordinatorAction> actions;
};

TEST_CASE("Coordinator: an action exists only on its event") {
  Bench b;
  b.Step(event::Started{});
  CHECK(b.actions.empty());
  const CheckpointId id = b.Trigger();
  CHECK(b.now == kSecond);
  CHECK(id == CheckpointId(1));
  b.Ack(id, {0, 0});
  CHECK(b.actions.empty());
  b.Ack(id, {0, 0});  // twice
  CHECK(b.actions.empty());
  b.Ack(id, {1, 0});
  REQUIRE(b.Has<action::WriteManifest>() != nullptr);
  CHECK(b.Has<action::WriteManifest>()->subtasks->size() == 2);
  CHECK(b.Has<action::PutRecord>() == nullptr);
  b.Step(event::Recorded{id});  // out of order: ignored
  CHECK(b.actions.empty());
  b.Step(event::ManifestWritten{id, {"m", 1, 1}});
  REQUIRE(b.Has<action::PutRecord>() != nullptr);
  CHECK(b.Has<action::NotifyComplete>() == nullptr);
  b.Step(event::Recorded{id});
  REQUIRE(b.Has<action::NotifyComplete>() != nullptr);
  CHECK(b.coordinator.pending() == 0);
}

TEST_CASE("Coordinator: interval, min_pause and max_concurrent") {
  SECTION("the interval counts from trigger to trigger, one at a time") {
    Bench b;
    b.Step(event::Started{});
    const CheckpointId first = b.Trigger();
    b.now += 3 * kSecond;
    b.Step(event::TimePassed{});
    CHECK(b.Has<action::SendTrigger>() == nullptr);
    b.AckAll(first);
    b.Step(event::ManifestWritten{first, {"m", 1, 1}});
    b.Step(event::Recorded{first});
    CHECK(b.Has<action::SendTrigger>() != nullptr);  // overdue
  }
  SECTION("min_pause counts from the end of the last one") {
    Bench b({.interval = kSecond, .timeout = 10 * kSecond, .min_pause = 2 * kSecond});
    b.Step(event::Started{});
    const CheckpointId first = b.Trigger();
    CHECK(b.now == kSecond);
    b.now = 2 * kSecond;
    b.Complete(first);
    CHECK(b.Trigger() == CheckpointId(2));
    CHECK(b.now == 4 * kSecond);
  }
  SECTION("several at a time; a greater one that completes drops the lower ones") {
    Bench b({.interval = kSecond, .timeout = 10 * kSecond, .max_concurrent = 2});
    b.Step(event::Started{});
    const CheckpointId first = b.Trigger(), second = b.Trigger();
    CHECK(b.coordinator.pending() == 2);
    b.AckAll(second);
    b.Step(event::ManifestWritten{second, {"m", 1, 1}});
    b.Step(event::Recorded{second});
    REQUIRE(b.Has<action::NotifyAborted>() != nullptr);
    CHECK(b.Has<action::NotifyAborted>()->id == first);
    b.AckAll(first);  // late
    CHECK(b.Has<action::WriteManifest>() == nullptr);
  }
}

TEST_CASE(
    "Coordinator: a timeout aborts while acknowledgements are missing, never once the record is "
    "put") {
  Bench b;
  b.Step(event::Started{});
  const CheckpointId id = b.Trigger();
  SECTION("missing") {
    b.Ack(id, {0, 0});
    b.now += 10 * kSecond;
    b.Step(event::TimePassed{});
    REQUIRE(b.Has<action::NotifyAborted>() != nullptr);
    CHECK(b.Has<action::NotifyAborted>()->why.message().find("1/0") != std::string::npos);
    b.Ack(id, {1, 0});
    CHECK(b.Has<action::WriteManifest>() == nullptr);
  }
  SECTION("put") {
    b.AckAll(id);
    b.Step(event::ManifestWritten{id, {"m", 1, 1}});
    b.now += 1000 * kSecond;
    b.Step(event::TimePassed{});
    b.Decline(id, false);
    CHECK(b.Has<action::NotifyAborted>() == nullptr);
    b.Step(event::Recorded{id});
    CHECK(b.Has<action::NotifyComplete>() != nullptr);
  }
}

TEST_CASE(
    "Coordinator: failures in a row beyond tolerable_failures fail the attempt, no sooner than the "
    "timeout") {
  Bench b({.interval = kSecond, .timeout = 5 * kSecond, .tolerable_failures = 1});
  b.Step(event::Started{});
  for (int i = 0; i < 3; ++i) {
    b.Decline(b.Trigger(), false);
    CHECK(b.Has<action::FailAttempt>() == nullptr);
  }
  while (b.Has<action::FailAttempt>() == nullptr) {
    b.Wake();
    REQUIRE(b.now <= 5 * kSecond);
    if (auto* trigger = b.Has<action::SendTrigger>()) b.Decline(trigger->id, false);
  }
  CHECK(b.now == 5 * kSecond);
}

TEST_CASE("Coordinator: one success between failures starts the count anew") {
  Bench b({.interval = kSecond, .timeout = kSecond, .tolerable_failures = 1});
  b.Step(event::Started{});
  for (int i = 0; i < 5; ++i) {
    b.Decline(b.Trigger(), false);
    CHECK(b.Has<action::FailAttempt>() == nullptr);
    b.Complete(b.Trigger());
  }
}

TEST_CASE(
    "Coordinator: storage failures are not counted, but nothing is triggered until all have "
    "probed") {
  Bench b({.interval = kSecond, .timeout = 5 * kSecond, .tolerable_failures = 0});
  b.Step(event::Started{});
  b.Decline(b.Trigger(), true);
  REQUIRE(b.Has<action::Probe>() != nullptr);
  const int64_t probe = b.Has<action::Probe>()->probe;
  b.Step(event::Probed{"", probe, absl::OkStatus()});
  b.Step(event::Probed{"tm-1", probe, absl::OkStatus()});
  b.now += 2 * kSecond;
  b.Step(event::TimePassed{});
  CHECK(b.Has<action::SendTrigger>() == nullptr);
  SECTION("the last one answers") {
    b.Step(event::Probed{"tm-2", probe, absl::OkStatus()});
    CHECK(b.Has<action::SendTrigger>() != nullptr);
  }
  SECTION("the last one fails: all probe again") {
    b.Step(event::Probed{"tm-2", probe, absl::ResourceExhaustedError("full")});
    CHECK(b.Has<action::SendTrigger>() == nullptr);
    b.Wake();
    REQUIRE(b.Has<action::Probe>() != nullptr);
    const int64_t again = b.Has<action::Probe>()->probe;
    b.Step(event::Probed{"tm-2", probe, absl::OkStatus()});  // of the first probe
    for (const char* who : {"", "tm-1"}) b.Step(event::Probed{who, again, absl::OkStatus()});
    CHECK(b.coordinator.probing());
    b.Step(event::Probed{"tm-2", again, absl::OkStatus()});
    CHECK_FALSE(b.coordinator.probing());
  }
  SECTION("a silent one is asked again") {
    b.now += 5 * kSecond;
    b.Step(event::TimePassed{});
    CHECK(b.Has<action::Probe>() != nullptr);
  }
}

TEST_CASE("Coordinator: a manifest that cannot be written is a storage failure") {
  Bench b;
  b.Step(event::Started{});
  const CheckpointId id = b.Trigger();
  b.AckAll(id);
  b.Step(event::ManifestFailed{id, absl::ResourceExhaustedError("full")});
  CHECK(b.Has<action::NotifyAborted>() != nullptr);
  CHECK(b.Has<action::Probe>() != nullptr);
}

TEST_CASE(
    "Coordinator: the final checkpoint comes at once, is repeated until complete, and is the "
    "last") {
  Bench b;
  b.Step(event::Started{});
  b.Step(event::SourcesEnded{});
  REQUIRE(b.Has<action::SendTrigger>() != nullptr);
  CHECK(b.Has<action::SendTrigger>()->purpose == Purpose::kFinal);
  b.Decline(b.Has<action::SendTrigger>()->id, false);
  const CheckpointId again = b.Trigger();
  CHECK(b.now < kSecond);
  b.AckAll(again);
  b.Step(event::ManifestWritten{again, {"m", 1, 1}});
  REQUIRE(b.Has<action::PutRecord>() != nullptr);
  CHECK(b.Has<action::PutRecord>()->purpose == Purpose::kFinal);
  b.Step(event::Recorded{again});
  CHECK(b.Has<action::NotifyComplete>() == nullptr);  // the resolver commits
  b.now += 100 * kSecond;
  b.Step(event::TimePassed{});
  CHECK(b.actions.empty());
}

TEST_CASE("Coordinator: a stop waits for the checkpoint under way, and goes before the final one") {
  Bench b;
  b.Step(event::Started{});
  const CheckpointId first = b.Trigger();
  b.Step(event::StopWanted{});
  b.Step(event::SourcesEnded{});
  CHECK(b.Has<action::SendTrigger>() == nullptr);
  b.Complete(first);
  REQUIRE(b.Has<action::SendTrigger>() != nullptr);
  CHECK(b.Has<action::SendTrigger>()->purpose == Purpose::kStop);
}

TEST_CASE("Coordinator: a savepoint may be copied when all its handles are committed") {
  Bench b;
  b.Step(event::Started{});
  b.Step(event::SavepointWanted{});
  REQUIRE(b.Has<action::SendTrigger>() != nullptr);
  const CheckpointId id = b.Has<action::SendTrigger>()->id;
  b.AckAll(id, 0);
  b.Step(event::ManifestWritten{id, {"m", 1, 1}});
  b.Step(event::Recorded{id});
  CHECK(b.Has<action::CommitsConfirmed>() == nullptr);
  b.Step(event::Confirmed{{0, 0}, id});
  CHECK(b.Has<action::CommitsConfirmed>() == nullptr);
  b.Step(event::Confirmed{{1, 0}, CheckpointId(id.value + 5)});
  REQUIRE(b.Has<action::CommitsConfirmed>() != nullptr);
  CHECK(b.Has<action::CommitsConfirmed>()->id == id);
}

TEST_CASE("Coordinator: a checkpoint with a handle about to expire is not recorded") {
  Bench b;
  b.Step(event::Started{});
  const CheckpointId id = b.Trigger();
  b.AckAll(id, b.wall_ms + 20'000);
  b.wall_ms += 15'000;  // writing the manifest took long
  b.Step(event::ManifestWritten{id, {"m", 1, 1}});
  CHECK(b.Has<action::PutRecord>() == nullptr);
  CHECK(b.Has<action::FailAttempt>() != nullptr);
}

TEST_CASE("Coordinator: each sink has a restart budget of its own, the final checkpoint too") {
  struct Case {
    std::string sink;
    int64_t left_ms;
    bool recorded;
  };
  for (const bool final_one : {false, true}) {
    for (const Case& c : {Case{"out", 1'000, true}, Case{"out", 999, false},
                          Case{"other", 10'000, true}, Case{"other", 9'999, false}}) {
      INFO(c.sink << " " << c.left_ms << " " << final_one);
      CheckpointConfig config{.interval = kSecond, .timeout = 10 * kSecond};
      config.restart_budgets_ms = {{c.sink == "out" ? "out" : "another", 1'000}};
      Bench b(config);
      b.Step(event::Started{});
      if (final_one) b.Step(event::SourcesEnded{});
      const CheckpointId id =
          final_one ? b.Has<action::SendTrigger>()->id : b.Trigger();
      b.AckAll(id, b.wall_ms + c.left_ms);
      b.Step(event::ManifestWritten{id, {"m", 1, 1}});
      CHECK((b.Has<action::PutRecord>() != nullptr) == c.recorded);
      CHECK((b.Has<action::FailAttempt>() == nullptr) == c.recorded);
    }
  }
}

TEST_CASE("Coordinator: no id is used that is not reserved") {
  CheckpointCoordinator coordinator(
      {{.interval = kSecond}, {{0, 0}}, {"tm"}, CheckpointId(7), CheckpointId(7)});
  coordinator.Step(event::Started{}, 0, 0);
  auto actions = coordinator.Step(event::TimePassed{}, kSecond, 0);
  REQUIRE(actions.size() == 1);
  auto* reserve = std::get_if<action::ReserveIds>(&actions[0]);
  REQUIRE(reserve != nullptr);
  const CheckpointId until = reserve->until;
  actions = coordinator.Step(event::TimePassed{}, 2 * kSecond, 0);
  CHECK(actions.empty());
  actions = coordinator.Step(event::IdsReserved{until}, 2 * kSecond, 0);
  REQUIRE(actions.size() == 1);
  CHECK(std::get<action::SendTrigger>(actions[0]).id == CheckpointId(7));
}

TEST_CASE("Retention: files live while a kept or held checkpoint refers to them") {
  Retention retention;
  retention.Add(CheckpointId(1), "m1", {"base", "d1"});
  retention.Add(CheckpointId(2), "m2", {"base", "d1", "d2"});
  retention.Add(CheckpointId(3), "m3", {"base2"});
  retention.Hold(CheckpointId(2));
  CHECK(retention.Trim({CheckpointId(3)}) == std::vector<std::string>{"m1"});
  retention.Release(CheckpointId(2));
  CHECK(retention.Trim({CheckpointId(3)}) == std::vector<std::string>{"m2", "base", "d1", "d2"});
  CHECK(retention.Referenced() == std::set<std::string>{"m3", "base2"});
}

}  // namespace
}  // namespace weir::jobmanager
