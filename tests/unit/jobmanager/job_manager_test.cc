#include "absl/strings/match.h"
#include "common/checkpoint/manifest_codec.h"
#include "common/checkpoint/paths.h"
#include "tests/unit/jobmanager/harness.h"

namespace weir::jobmanager {
namespace {

TEST_CASE(
    "JobManager: a submitted job is recorded, deployed, and runs; splits are recorded before they "
    "are given out") {
  Harness h;
  FakeTaskManager& a = h.AddTaskManager("tm-1", 1);
  FakeTaskManager& b = h.AddTaskManager("tm-2", 1);
  auto id = h.Submit(h.AddSpec("fraud"));
  REQUIRE(id.ok());
  CHECK(h.State("fraud") == "RUNNING");
  // One slot each: a subtask of both tasks in each.
  CHECK(a.deploy().subtasks.size() == 2);
  CHECK(b.deploy().subtasks.size() == 2);
  CHECK(a.deploy().placements.size() == 4);
  CHECK(a.deploy().restore.path.empty());
  REQUIRE(b.Count<control::AssignSplits>() == 1);
  CHECK(b.All<control::AssignSplits>()[0].sources[0].splits[0].payload == "split");
  const JobRecord& record = h.Record("fraud");
  REQUIRE(record.retained.size() == 1);
  CHECK(record.retained[0].id == CheckpointId(0));
  const JobStatus status = h.Status("fraud");
  CHECK(status.id == *id);
  CHECK_FALSE(status.last_checkpoint.has_value());
  CHECK(status.tasks.size() == 4);
  CHECK(h.Status(id->value).name == "fraud");
}

TEST_CASE(
    "JobManager: splits are not assigned, and nothing runs, while checkpoint 0 cannot be "
    "recorded") {
  Harness h;
  FakeTaskManager& tm = h.AddTaskManager("tm-1", 2);
  h.loop.Drain();
  tm.restore = false;
  REQUIRE(h.Submit(h.AddSpec("fraud")).ok());
  h.store->failure = absl::UnavailableError("disk full");
  tm.restore = true;
  tm.Send(control::SplitsFound{tm.deploy().fence, {"in", {{"split", "group"}}}});
  for (SubtaskId s : tm.deploy().subtasks) tm.SendState(s, control::SubtaskState::kRestored);
  h.Advance(5 * kSeconds);
  CHECK(tm.Count<control::AssignSplits>() == 0);
  CHECK(tm.Count<control::Sweep>() == 0);
  h.store->failure = absl::OkStatus();
  h.Advance(kSeconds);
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE("JobManager: refusals") {
  Harness h;
  SECTION("a wrong job") { CHECK(absl::IsInvalidArgument(h.Submit("no such spec").status())); }
  SECTION("a name that is taken") {
    h.RunningJob();
    CHECK(absl::IsAlreadyExists(h.Submit("fraud").status()));
  }
  SECTION("storage that is not there") {
    h.AddTaskManager("tm-1", 4);
    h.storage->SetMissing(true);
    CHECK(absl::IsUnavailable(h.Submit(h.AddSpec("fraud")).status()));
    CHECK(h.metadata.jobs.empty());
  }
  SECTION("not enough slots for ten seconds") {
    h.AddTaskManager("tm-1", 1);
    absl::StatusOr<JobId> answer = absl::UnknownError("");
    h.AddSpec("fraud");
    h.manager->Submit({"fraud", ""}, [&](absl::StatusOr<JobId> id) { answer = id; });
    h.Advance(9 * kSeconds);
    CHECK(absl::IsUnknown(answer.status()));
    CHECK(h.State("fraud") == "CREATED");
    h.Advance(2 * kSeconds);
    CHECK(absl::IsResourceExhausted(answer.status()));
    CHECK(absl::StrContains(answer.status().message(), "needs 2, 1 of 1"));
    CHECK(h.State("fraud") == "FAILED");
  }
  SECTION("an unknown job") {
    absl::Status status;
    h.manager->Cancel("nobody",
                      [&](absl::StatusOr<JobStatus> answer) { status = answer.status(); });
    h.loop.Drain();
    CHECK(absl::IsNotFound(status));
  }
}

TEST_CASE("JobManager: what the systems outside refuse is not recorded; a job that ran is not asked for") {
  Harness h;
  h.AddTaskManager("tm-1", 4);
  h.preflight = absl::FailedPreconditionError("preflight: no such topic");
  const auto refused = h.Submit(h.AddSpec("fraud"));
  CHECK(absl::IsFailedPrecondition(refused.status()));
  CHECK(absl::StrContains(refused.status().message(), "no such topic"));
  CHECK(h.metadata.jobs.empty());
  h.preflight = absl::OkStatus();
  REQUIRE(h.Submit("fraud").ok());
  h.preflight = absl::FailedPreconditionError("gone");
  h.StartJobManager();
  h.AddTaskManager("tm-2", 4);
  h.Advance(kSeconds);
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE("JobManager: transactions as the sinks say, and as the last checkpoint has them") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  auto ask = [&] {
    absl::StatusOr<JobTransactions> answer = absl::UnknownError("");
    h.manager->Transactions("fraud", [&](auto a) { answer = std::move(a); });
    h.loop.Drain();
    REQUIRE(answer.ok());
    return *answer;
  };
  CHECK(ask().transactions.empty());
  tm.confirm = false;
  h.Advance(kSeconds);
  const CheckpointId last = h.Record("fraud").last_id;
  control::SinkReport report{{1, 0}, "out", {}};
  report.transactions.open = {
      {"a", control::TransactionInfo::State::kPrepared, last, 1, 2, 3},
      {"b", control::TransactionInfo::State::kOpen, CheckpointId(0), 1, 2, 3}};
  report.transactions.commits = 9;
  tm.Send(control::MetricsReport{tm.deploy().fence, {}, {report}});
  const JobTransactions said = ask();
  CHECK(said.name == "fraud");
  REQUIRE(said.transactions.size() >= 2);
  CHECK(said.transactions[0].id == "a");
  CHECK(said.transactions[0].state == JobTransaction::State::kCommitting);
  CHECK(said.transactions[1].state == JobTransaction::State::kOpen);
  REQUIRE(said.sinks.size() == 1);
  CHECK(said.sinks[0].transactions.commits == 9);
  tm.Confirm(last);
  CHECK(ask().transactions.size() == 1);
  h.manager->Transactions("none", [](auto a) { CHECK(absl::IsNotFound(a.status())); });
  h.loop.Drain();
}

TEST_CASE("JobManager: slots that come in time are used") {
  Harness h;
  h.AddTaskManager("tm-1", 1);
  h.AddSpec("fraud");
  absl::StatusOr<JobId> answer = absl::UnknownError("");
  h.manager->Submit({"fraud", ""}, [&](absl::StatusOr<JobId> id) { answer = id; });
  h.Advance(5 * kSeconds);
  h.AddTaskManager("tm-2", 1);
  CHECK(answer.ok());
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE("JobManager: a checkpoint is written, recorded, then announced") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  REQUIRE(tm.Count<control::CheckpointComplete>() == 1);
  const JobRecord& record = h.Record("fraud");
  REQUIRE(record.retained.size() == 2);
  CHECK(record.last_id == CheckpointId(1));
  auto bytes = h.storage->Read(record.retained[1].manifest);
  REQUIRE(bytes.ok());
  auto manifest = checkpoint::DecodeManifest(*bytes, "m");
  REQUIRE(manifest.ok());
  CHECK(manifest->subtasks.size() == 4);
  CHECK(manifest->sources.size() == 1);
  CHECK(manifest->state_layouts.size() == 1);
  const JobStatus status = h.Status("fraud");
  REQUIRE(status.last_checkpoint.has_value());
  CHECK(status.last_checkpoint->id == CheckpointId(1));
  CHECK(status.checkpoints_of_attempt == 1);
  CHECK(status.pending.empty());
}

TEST_CASE(
    "JobManager: nobody hears of a checkpoint whose record is not accepted; the put is repeated") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.store->failure = absl::UnavailableError("disk full");
  h.Advance(3 * kSeconds);
  CHECK(tm.Count<control::CheckpointComplete>() == 0);
  CHECK(tm.Count<control::CheckpointAborted>() == 0);
  h.store->failure = absl::OkStatus();
  h.Advance(kSeconds);
  CHECK(tm.Count<control::CheckpointComplete>() >= 1);
}

TEST_CASE("JobManager: a refused put deposes the leader") {
  Harness h;
  h.RunningJob();
  h.metadata.epoch = LeaderEpoch(99);
  h.Advance(2 * kSeconds);
  REQUIRE(h.deposed.size() == 1);
  CHECK(absl::IsAborted(h.deposed[0]));
}

TEST_CASE("JobManager: old checkpoints and what only they refer to are deleted") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob([](job::JobSpec& s) { s.checkpoint.keep = 2; });
  const JobId id = h.Record("fraud").id;
  auto state = [&](int n) {
    return checkpoint::StatePrefix(id, Attempt(1), {1, 0}) + std::to_string(n);
  };
  h.Advance(2 * kSeconds);
  CHECK(h.HasFile(state(1)));
  h.Advance(kSeconds);
  CHECK(tm.Count<control::CheckpointComplete>() == 3);
  CHECK_FALSE(h.HasFile(state(1)));
  CHECK(h.HasFile(state(2)));
  CHECK_FALSE(h.HasFile(checkpoint::ManifestPath(id, CheckpointId(1), LeaderEpoch(1), Attempt(1))));
  CHECK(h.Record("fraud").retained.size() == 2);
}

TEST_CASE(
    "JobManager: a lost TaskManager ends the attempt; the next one restores the last checkpoint "
    "elsewhere") {
  Harness h;
  FakeTaskManager& a = h.AddTaskManager("tm-1", 2);
  FakeTaskManager& b = h.AddTaskManager("tm-2", 2);
  FakeTaskManager& spare = h.AddTaskManager("tm-3", 2);
  REQUIRE(h.Submit(h.AddSpec("fraud")).ok());
  h.Advance(kSeconds);
  const checkpoint::FileRef last = h.Record("fraud").retained.back().manifest;
  REQUIRE(a.deployed());
  REQUIRE_FALSE(spare.deployed());
  a.Die();
  CHECK(h.State("fraud") == "RESTARTING");
  CHECK(b.Count<control::CancelAttempt>() == 1);
  h.Advance(100 * kMillis);
  CHECK(h.State("fraud") == "RUNNING");
  const JobStatus status = h.Status("fraud");
  CHECK(status.attempt == Attempt(2));
  CHECK(status.restarts == 1);
  CHECK(status.checkpoints_of_attempt == 0);
  REQUIRE(status.failure.has_value());
  CHECK(absl::StrContains(status.failure->status.message(), "tm-1"));
  REQUIRE(spare.deployed());
  CHECK(spare.deploy().restore == last);
  CHECK(spare.Count<control::AssignSplits>() == 0);
}

TEST_CASE("JobManager: a job that ran waits for slots as long as it takes") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  tm.Die();
  h.Advance(60 * kSeconds);
  CHECK(h.State("fraud") == "RESTARTING");
  CHECK(h.Status("fraud").waiting_for_slots);
  h.AddTaskManager("tm-9", 2);
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE(
    "JobManager: while the put of a checkpoint is open, recovery waits for it and then restores "
    "it") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.store->failure = absl::UnavailableError("slow disk");
  h.Advance(kSeconds);  // the put of checkpoint 1 is open
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(2 * kSeconds);
  CHECK(tm.Count<control::Deploy>() == 1);
  h.store->failure = absl::OkStatus();
  h.Advance(kSeconds);
  REQUIRE(tm.Count<control::Deploy>() == 2);
  CHECK(tm.All<control::Deploy>()[1].restore ==
        checkpoint::FileRef(h.Record("fraud").retained.front().id == CheckpointId(1)
                                ? h.Record("fraud").retained.front().manifest
                                : h.Record("fraud").retained[1].manifest));
}

TEST_CASE("JobManager: messages of an older attempt are ignored") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  const control::Fence old = tm.deploy().fence;
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(100 * kMillis);
  REQUIRE(h.Status("fraud").attempt == Attempt(2));
  tm.Send(control::SubtaskStateChanged{
      old, {0, 0}, control::SubtaskState::kFailed, absl::InternalError("late")});
  h.loop.Drain();
  CHECK(h.Status("fraud").attempt == Attempt(2));
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE("JobManager: restart strategies") {
  Harness h;
  SECTION("none: the first failure fails the job") {
    FakeTaskManager& tm =
        h.RunningJob([](job::JobSpec& s) { s.restart.strategy = job::RestartStrategy::kNone; });
    tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
    h.loop.Drain();
    CHECK(h.State("fraud") == "FAILED");
    CHECK(absl::StrContains(h.Status("fraud").failure->status.message(), "boom"));
  }
  SECTION("a user's failure is not retried") {
    FakeTaskManager& tm = h.RunningJob();
    tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InvalidArgumentError("row 7"),
                 control::FailureDomain::kUser);
    h.loop.Drain();
    CHECK(h.State("fraud") == "FAILED");
    CHECK(tm.All<control::Deploy>().back().resolve_only);
  }
  SECTION("a user's failure is not retried when the news of a broken connection came first") {
    FakeTaskManager& tm = h.RunningJob();
    const control::Fence fence = tm.deploy().fence;
    tm.SendState({1, 0}, control::SubtaskState::kFailed, absl::UnavailableError("peer closed"));
    h.loop.Drain();
    CHECK(h.State("fraud") == "RESTARTING");
    tm.Send(control::SubtaskStateChanged{fence,
                                         {0, 0},
                                         control::SubtaskState::kFailed,
                                         absl::InvalidArgumentError("row 7"),
                                         control::FailureDomain::kUser});
    h.Advance(kSeconds);
    CHECK(h.State("fraud") == "FAILED");
    CHECK(absl::StrContains(h.Status("fraud").failure->status.message(), "row 7"));
  }
  SECTION("exponential: the delay doubles, and starts anew with a checkpoint") {
    FakeTaskManager& tm = h.RunningJob();
    for (SteadyMicros delay : {100, 200, 400}) {
      const int before = tm.Count<control::Deploy>();
      tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
      h.Advance(delay * kMillis - 1);
      CHECK(tm.Count<control::Deploy>() == before);
      h.Advance(1);
      CHECK(tm.Count<control::Deploy>() == before + 1);
    }
    h.Advance(kSeconds);
    REQUIRE(h.Status("fraud").checkpoints_of_attempt == 1);
    const int before = tm.Count<control::Deploy>();
    tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
    h.Advance(100 * kMillis);
    CHECK(tm.Count<control::Deploy>() == before + 1);
  }
  SECTION("too many") {
    FakeTaskManager& tm = h.RunningJob([](job::JobSpec& s) {
      s.restart.strategy = job::RestartStrategy::kFixed;
      s.restart.max_attempts = 2;
    });
    for (int i = 0; i < 3; ++i) {
      REQUIRE(h.State("fraud") == "RUNNING");
      tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
      h.Advance(100 * kMillis);
    }
    CHECK(h.State("fraud") == "FAILED");
  }
}

TEST_CASE("JobManager: when all sources have ended: final checkpoint, resolver attempt, FINISHED") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  tm.EndSources();
  h.loop.Drain();
  CHECK(h.State("fraud") == "FINISHED");
  const auto deploys = tm.All<control::Deploy>();
  REQUIRE(deploys.size() == 2);
  CHECK(deploys[1].resolve_only);
  CHECK(deploys[1].subtasks == std::vector<SubtaskId>{{1, 0}});
  CHECK(deploys[1].restore == h.Record("fraud").retained.back().manifest);
  CHECK(h.Status("fraud").restarts == 0);
  CHECK_FALSE(tm.deployed());
  absl::StatusOr<ClusterInfo> cluster;
  h.manager->Cluster([&](absl::StatusOr<ClusterInfo> info) { cluster = std::move(info); });
  h.loop.Drain();
  CHECK(cluster->free_slots == 4);
}

TEST_CASE("JobManager: the end survives what fails on the way") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  SECTION("the attempt fails while the final record is being put") {
    h.store->failure = absl::UnavailableError("slow disk");
    tm.EndSources();
    h.loop.Drain();
    tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
    h.loop.Drain();
    h.store->failure = absl::OkStatus();
    h.Advance(kSeconds);
    CHECK(h.State("fraud") == "FINISHED");
    CHECK(tm.Count<control::Deploy>() == 2);
  }
  SECTION("the resolver's TaskManager is lost") {
    tm.sweep = false;
    tm.EndSources();
    h.loop.Drain();
    CHECK(h.State("fraud") == "STOPPING");
    tm.Die();
    h.Advance(kSeconds);
    CHECK(h.State("fraud") == "STOPPING");
    h.AddTaskManager("tm-2", 1);
    CHECK(h.State("fraud") == "FINISHED");
  }
  SECTION("the JobManager is killed while the resolver works") {
    tm.sweep = false;
    tm.EndSources();
    h.loop.Drain();
    h.StartJobManager();
    h.AddTaskManager("tm-2", 1);
    CHECK(h.State("fraud") == "FINISHED");
  }
  SECTION("a permanent error of the resolver fails the job by name") {
    tm.restore_error = absl::FailedPreconditionError("SINK_FOLDER_MISMATCH: /out");
    tm.EndSources();
    h.loop.Drain();
    CHECK(h.State("fraud") == "FAILED");
    CHECK(absl::StrContains(h.Status("fraud").failure->status.message(), "SINK_FOLDER_MISMATCH"));
    CHECK_FALSE(h.Status("fraud").pending.empty());
  }
}

TEST_CASE("JobManager: the last sweep of a job waits until its tasks have ended") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  const control::Deploy ran = tm.deploy();
  tm.cancel = false;
  const int sweeps = tm.Count<control::Sweep>();
  h.manager->Cancel("fraud", [](absl::StatusOr<JobStatus>) {});
  h.loop.Drain();
  CHECK(tm.deploy().resolve_only);
  CHECK(tm.Count<control::Sweep>() == sweeps);
  SECTION("as they say") {
    for (SubtaskId subtask : ran.subtasks) {
      CHECK(tm.Count<control::Sweep>() == sweeps);
      tm.Send(control::SubtaskStateChanged{ran.fence, subtask, control::SubtaskState::kCancelled});
      h.loop.Drain();
    }
  }
  SECTION("but not for ever") { h.Advance(4 * kSeconds); }
  CHECK(tm.Count<control::Sweep>() == sweeps + 1);
  CHECK(h.State("fraud") == "CANCELLED");
}

TEST_CASE("JobManager: cancel resolves, then answers") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  absl::StatusOr<JobStatus> answer = absl::UnknownError("");
  SECTION("at once") {
    h.manager->Cancel("fraud", [&](absl::StatusOr<JobStatus> s) { answer = std::move(s); });
    h.loop.Drain();
    REQUIRE(answer.ok());
    CHECK(answer->state == JobState::kCancelled);
    CHECK(tm.All<control::Deploy>().back().resolve_only);
    CHECK(answer->pending.empty());
  }
  SECTION("the time for resolving begins when the resolver is recorded") {
    h.store->failure = absl::UnavailableError("no answer");
    h.Advance(kSeconds);  // a checkpoint is acknowledged, its record is on its way
    h.manager->Cancel("fraud", [&](absl::StatusOr<JobStatus> s) { answer = std::move(s); });
    h.Advance(8 * kSeconds);
    CHECK(absl::IsUnknown(answer.status()));
    h.store->failure = absl::OkStatus();
    h.Advance(2 * kSeconds);
    REQUIRE(answer.ok());
    CHECK(answer->state == JobState::kCancelled);
    CHECK(tm.All<control::Deploy>().back().resolve_only);
    CHECK(answer->pending.empty());
    CHECK(answer->attempt == Attempt(2));
  }
  SECTION(
      "at most the checkpoint timeout; what is open is shown, and stays so for the next "
      "JobManager") {
    tm.confirm = false;
    h.Advance(kSeconds);
    tm.restore = false;
    h.manager->Cancel("fraud", [&](absl::StatusOr<JobStatus> s) { answer = std::move(s); });
    h.Advance(4 * kSeconds);
    CHECK(absl::IsUnknown(answer.status()));
    CHECK(h.State("fraud") == "STOPPING");
    h.Advance(2 * kSeconds);
    REQUIRE(answer.ok());
    CHECK(answer->pending.size() == 2);
    h.StartJobManager();
    CHECK(h.State("fraud") == "CANCELLED");
    CHECK(h.Status("fraud").pending.size() == 2);
  }
  SECTION("an ended job is refused") {
    tm.EndSources();
    h.loop.Drain();
    h.manager->Cancel("fraud", [&](absl::StatusOr<JobStatus> s) { answer = std::move(s); });
    h.loop.Drain();
    CHECK(absl::IsFailedPrecondition(answer.status()));
  }
}

}  // namespace
}  // namespace weir::jobmanager
