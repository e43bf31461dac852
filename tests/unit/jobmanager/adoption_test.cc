#include "jobmanager/job/adoption.h"

#include "tests/unit/jobmanager/harness.h"

namespace weir::jobmanager {
namespace {

using Verdict = Adoption::Verdict;
using control::SubtaskState;

/// The attempt of TestPlan with two subtasks of each task: index 0 on `a`, index 1 on `b`.
struct Reports {
  Reports() {
    for (int task : {0, 1}) {
      for (int index : {0, 1}) {
        placements.push_back({{task, index}, index == 0 ? "a" : "b", "host:1",
                              Incarnation(static_cast<uint64_t>(index))});
      }
    }
  }
  control::AttemptReport Of(int index, SubtaskState state = SubtaskState::kRunning) const {
    control::AttemptReport report;
    report.subtasks = {{{0, index}, SubtaskState::kRunning, false}, {{1, index}, state, false}};
    report.placements = placements;
    return report;
  }
  Adoption Make() const {
    job::JobSpec spec;
    spec.parallelism = 2;
    return Adoption(*TestPlan(spec), Attempt(3));
  }
  std::vector<control::SubtaskPlacement> placements;
};

TEST_CASE("Adoption: when every subtask is reported running from where it was deployed to") {
  Reports r;
  Adoption adoption = r.Make();
  CHECK(adoption.verdict() == Verdict::kWait);
  adoption.OnReport("a", Incarnation(0), r.Of(0));
  CHECK(adoption.verdict() == Verdict::kWait);
  CHECK(adoption.why() == "2 of 4 subtasks are reported");
  adoption.OnReport("b", Incarnation(1), r.Of(1));
  CHECK(adoption.verdict() == Verdict::kAdopt);
  CHECK(adoption.placements() == r.placements);
  CHECK(adoption.slots() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("Adoption: never, as soon as one is known not to run") {
  Reports r;
  Adoption adoption = r.Make();
  SECTION("by its report") {
    const auto state = GENERATE(SubtaskState::kDeploying, SubtaskState::kRestored,
                                SubtaskState::kFailed, SubtaskState::kCancelled);
    adoption.OnReport("a", Incarnation(0), r.Of(0, state));
  }
  SECTION("by news that came before the report") {
    adoption.OnState({1, 0}, SubtaskState::kFailed);
    adoption.OnReport("a", Incarnation(0), r.Of(0));
    adoption.OnReport("b", Incarnation(1), r.Of(1));
  }
  SECTION("another process has its TaskManager's name") {
    adoption.OnReport("a", Incarnation(0), r.Of(0));
    adoption.OnRegistered("b", Incarnation(7));
  }
  SECTION("that process came first") {
    adoption.OnRegistered("b", Incarnation(7));
    adoption.OnReport("a", Incarnation(0), r.Of(0));
  }
  SECTION("its TaskManager is lost again") {
    adoption.OnReport("a", Incarnation(0), r.Of(0));
    adoption.OnLost("a");
  }
  SECTION("it says that it runs what was deployed elsewhere") {
    adoption.OnReport("a", Incarnation(0), r.Of(1));
  }
  CHECK(adoption.verdict() == Verdict::kNever);
}

TEST_CASE("Adoption: a TaskManager that has nothing to do with it may come and go") {
  Reports r;
  Adoption adoption = r.Make();
  adoption.OnRegistered("c", Incarnation(9));
  adoption.OnReport("a", Incarnation(0), r.Of(0));
  adoption.OnLost("c");
  CHECK(adoption.verdict() == Verdict::kWait);
}

// ---- The JobManager ---------------------------------------------------------------------------------

struct Cluster : Harness {
  Cluster() { options.adoption_timeout = 5 * kSeconds; }
  /// A job of two TaskManagers that has completed checkpoints; the JobManager is another one now.
  void Lose() {
    a = &AddTaskManager("tm-1", 1);
    b = &AddTaskManager("tm-2", 1);
    REQUIRE(Submit(AddSpec("fraud")).ok());
    REQUIRE(State("fraud") == "RUNNING");
    Advance(2 * kSeconds);
    for (FakeTaskManager* tm : {a, b}) {
      tm->running = {{Record("fraud").id, Attempt(1)}};
      tm->inbox.clear();
    }
    last = Record("fraud").last_id;
    reserved = Record("fraud").ids_reserved;
    StartJobManager();
    CHECK(State("fraud") == "RESTARTING");
  }
  void Return(FakeTaskManager* tm) {
    tm->Register();
    loop.Drain();
  }
  FakeTaskManager *a = nullptr, *b = nullptr;
  CheckpointId last, reserved;
};

TEST_CASE("A new leader goes on with the attempt that runs") {
  Cluster c;
  c.Lose();
  c.Return(c.a);
  CHECK(c.State("fraud") == "RESTARTING");
  CHECK(c.a->Count<control::AdoptAttempt>() == 0);
  c.Return(c.b);
  CHECK(c.State("fraud") == "RUNNING");
  const JobStatus status = c.Status("fraud");
  CHECK(status.attempt == Attempt(1));
  CHECK(status.restarts == 0);
  for (FakeTaskManager* tm : {c.a, c.b}) {
    CHECK(tm->Count<control::Deploy>() == 0);
    CHECK(tm->Count<control::CancelAttempt>() == 0);
    REQUIRE(tm->Count<control::AdoptAttempt>() == 1);
    const auto adopt = tm->All<control::AdoptAttempt>()[0];
    CHECK(adopt.fence == control::Fence{LeaderEpoch(2), c.Record("fraud").id, Attempt(1)});
    CHECK(adopt.complete == c.last);
    CHECK(adopt.next >= c.reserved);
  }
  // At once, and with an id that nobody has used.
  REQUIRE(c.a->Count<control::TriggerCheckpoint>() == 1);
  CHECK(c.a->All<control::TriggerCheckpoint>()[0].checkpoint >= c.reserved);
  CHECK(c.Record("fraud").last_id >= c.reserved);
  CHECK(c.Record("fraud").epoch == LeaderEpoch(2));
  // And it goes on as ever.
  c.Advance(3 * kSeconds);
  CHECK(c.Record("fraud").retained.size() == 3);
  c.a->SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  c.Advance(200 * kMillis);
  CHECK(c.Status("fraud").attempt == Attempt(2));
  CHECK(c.State("fraud") == "RUNNING");
}

TEST_CASE("A new leader waits on for what runs while it could not run elsewhere either") {
  Cluster c;
  c.Lose();
  c.Advance(60 * kSeconds);
  c.Return(c.a);
  c.Advance(60 * kSeconds);
  CHECK(c.Status("fraud").attempt == Attempt(1));
  CHECK(c.a->Count<control::CancelAttempt>() == 0);
  c.Return(c.b);
  CHECK(c.State("fraud") == "RUNNING");
  CHECK(c.Status("fraud").attempt == Attempt(1));
}

TEST_CASE("A new leader begins the next attempt when not all of it runs") {
  Cluster c;
  c.Lose();
  SECTION("a subtask has failed meanwhile") {
    c.a->reported_state = control::SubtaskState::kFailed;
    c.Return(c.a);
    CHECK(c.a->Count<control::CancelAttempt>() == 1);
    c.Return(c.b);
    CHECK(c.b->Count<control::CancelAttempt>() >= 1);
  }
  SECTION("a TaskManager does not come back in time, and there is room elsewhere") {
    c.Return(c.a);
    c.AddTaskManager("tm-3", 1);
    c.Advance(4 * kSeconds);
    CHECK(c.Status("fraud").attempt == Attempt(1));
    c.Advance(2 * kSeconds);
    CHECK(c.a->Count<control::CancelAttempt>() == 1);
    CHECK(c.Status("fraud").attempt == Attempt(2));
    CHECK(c.State("fraud") == "RUNNING");
    c.Return(c.b);
    CHECK(c.b->Count<control::CancelAttempt>() == 1);
  }
  SECTION("one is lost while another one is waited for") {
    c.Return(c.a);
    c.a->Die();
    c.Return(c.b);
    c.Return(c.a);
  }
  SECTION("it has another attempt than the recorded one") {
    c.a->running = {{c.Record("fraud").id, Attempt(0)}};
    c.a->report = false;
    c.Return(c.a);
    CHECK(c.a->Count<control::CancelAttempt>() == 1);
    c.Return(c.b);
    c.Advance(6 * kSeconds);
  }
  c.Advance(kSeconds);
  CHECK(c.State("fraud") == "RUNNING");
  CHECK(c.Status("fraud").attempt == Attempt(2));
  CHECK(c.a->Count<control::AdoptAttempt>() == 0);
}

TEST_CASE("What a user asks for while a new leader waits for reports counts") {
  Cluster c;
  c.Lose();
  SECTION("cancel") {
    c.Return(c.a);
    std::optional<absl::StatusOr<JobStatus>> answer;
    c.manager->Cancel("fraud", [&](absl::StatusOr<JobStatus> s) { answer = std::move(s); });
    c.loop.Drain();
    CHECK(c.a->Count<control::CancelAttempt>() >= 1);
    c.Return(c.b);
    c.Advance(kSeconds);
    CHECK(c.State("fraud") == "CANCELLED");
    REQUIRE(answer.has_value());
    CHECK(answer->ok());
  }
  SECTION("stop") {
    std::optional<absl::StatusOr<CheckpointInfo>> answer;
    c.manager->Stop("fraud", [&](absl::StatusOr<CheckpointInfo> s) { answer = std::move(s); });
    c.loop.Drain();
    c.Return(c.a);
    c.Return(c.b);
    c.Advance(2 * kSeconds);
    CHECK(c.State("fraud") == "STOPPED");
    REQUIRE(answer.has_value());
    CHECK(answer->ok());
  }
  CHECK(c.a->Count<control::AdoptAttempt>() <= 1);
}

}  // namespace
}  // namespace weir::jobmanager
