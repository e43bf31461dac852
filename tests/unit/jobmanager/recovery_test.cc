#include "absl/strings/match.h"
#include "common/checkpoint/manifest_codec.h"
#include "common/base/failpoint.h"
#include "common/base/loss.h"
#include "common/checkpoint/paths.h"
#include "tests/unit/jobmanager/harness.h"

namespace weir::jobmanager {
namespace {

TEST_CASE(
    "JobManager restarted: takes the job up with the next attempt, and ends what still runs of the "
    "old one") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  const JobId id = h.Record("fraud").id;
  const checkpoint::FileRef last = h.Record("fraud").retained.back().manifest;
  h.StartJobManager();
  CHECK(h.State("fraud") == "RESTARTING");
  tm.running = {{id, Attempt(1)}};
  tm.Register();
  h.loop.Drain();
  CHECK(h.State("fraud") == "RUNNING");
  CHECK(h.Status("fraud").attempt == Attempt(2));
  const auto cancels = tm.All<control::CancelAttempt>();
  REQUIRE(cancels.size() == 1);
  CHECK(cancels[0].fence.attempt == Attempt(1));
  CHECK(tm.deploy().restore == last);
  CHECK(tm.deploy().fence.epoch == LeaderEpoch(2));
  // Ids go on in a new block.
  h.Advance(kSeconds);
  CHECK(h.Record("fraud").last_id > CheckpointId(1000));
}

TEST_CASE(
    "JobManager restarted: ended jobs stay listed, the oldest are forgotten with their files") {
  Harness h;
  h.options.ended_jobs_kept = 2;
  h.StartJobManager();
  FakeTaskManager& tm = h.AddTaskManager("tm-1", 4);
  std::vector<JobId> ids;
  for (const char* name : {"a", "b", "c"}) {
    REQUIRE(h.Submit(h.AddSpec(name)).ok());
    ids.push_back(h.Record(name).id);
    tm.EndSources();
    h.Advance(kMillis);
  }
  std::vector<JobSummary> list;
  h.manager->List([&](absl::StatusOr<std::vector<JobSummary>> l) { list = *l; });
  h.loop.Drain();
  REQUIRE(list.size() == 2);
  CHECK(list[0].name == "b");
  CHECK(h.metadata.jobs.size() == 2);
  CHECK(h.storage->List(ids[0].value)->empty());
  CHECK_FALSE(h.storage->List(ids[1].value)->empty());
  h.StartJobManager();
  CHECK(h.State("c") == "FINISHED");
}

TEST_CASE("JobManager restarted: waits for a storage that is not mounted, and concludes nothing") {
  Harness h;
  h.RunningJob();
  h.Advance(kSeconds);
  h.storage->SetMissing(true);
  h.StartJobManager();
  h.Advance(5 * kSeconds);
  CHECK(h.State("fraud") == "RESTARTING");
  h.storage->SetMissing(false);
  h.Advance(2 * kSeconds);
  h.AddTaskManager("tm-2", 2);
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE("JobManager restarted: a job that ended while its checkpoints could not be read stays ended") {
  Harness h;
  h.RunningJob();
  h.Advance(kSeconds);
  h.storage->SetMissing(true);
  h.StartJobManager();
  h.Advance(kSeconds);
  h.manager->Cancel("fraud", [](const absl::StatusOr<JobStatus>&) {});
  SECTION("its end was recorded before") {
    h.Advance(700 * kSeconds);
    REQUIRE(h.State("fraud") == "CANCELLED");
  }
  SECTION("its resolver waits") {
    h.Advance(kSeconds);
    REQUIRE(h.State("fraud") == "STOPPING");
  }
  h.storage->SetMissing(false);
  h.Advance(5 * kSeconds);
  h.AddTaskManager("tm-2", 4);
  h.Advance(5 * kSeconds);
  CHECK(h.State("fraud") == "CANCELLED");
  CHECK(h.Record("fraud").attempt == Attempt(2));
}

TEST_CASE("A corrupt checkpoint stops an exactly-once job by name") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(2 * kSeconds);
  SECTION("found by a TaskManager in restore") {
    tm.restore_error = absl::DataLossError("/ckpt/delta-7 is damaged");
    tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
    h.Advance(200 * kMillis);
    CHECK(h.State("fraud") == "FAILED");
    const JobStatus status = h.Status("fraud");
    CHECK(absl::StrContains(status.failure->status.message(), "CHECKPOINT_CORRUPT"));
    CHECK(absl::StrContains(status.failure->status.message(), "delta-7"));
  }
  SECTION("found by the JobManager in the manifest") {
    const std::string path = h.Record("fraud").retained.back().manifest.path;
    h.storage->Damage(path, [](std::string* bytes) { (*bytes)[bytes->size() / 2] ^= 1; });
    h.StartJobManager();
    FakeTaskManager& next = h.AddTaskManager("tm-2", 2);
    next.restore_error = absl::DataLossError("manifest");
    h.Advance(10 * kSeconds);
    CHECK(h.State("fraud") == "FAILED");
    CHECK(absl::StrContains(h.Status("fraud").failure->status.message(), "CHECKPOINT_CORRUPT"));
    CHECK(absl::StrContains(h.Status("fraud").failure->status.message(), path));
  }
  SECTION("a manifest that is missing") {
    REQUIRE(h.storage->Delete(h.Record("fraud").retained.back().manifest.path).ok());
    h.StartJobManager();
    h.Advance(10 * kSeconds);
    CHECK(h.State("fraud") == "FAILED");
    CHECK(absl::StrContains(h.Status("fraud").failure->status.message(), "is missing"));
  }
}

TEST_CASE("An at-least-once job falls back to the checkpoint before a corrupt one") {
  Harness h;
  FakeTaskManager& tm =
      h.RunningJob([](job::JobSpec& s) { s.guarantee = job::Guarantee::kAtLeastOnce; });
  h.Advance(2 * kSeconds);
  const auto retained = h.Record("fraud").retained;
  REQUIRE(retained.size() == 3);
  tm.restore_error = absl::DataLossError("delta-7 is damaged");
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(100 * kMillis - 1);
  REQUIRE(tm.Count<control::Deploy>() == 1);
  tm.restore = false;
  h.Advance(1);
  REQUIRE(tm.Count<control::Deploy>() == 2);
  CHECK(tm.deploy().restore == retained[2].manifest);
  tm.SendState({1, 0}, control::SubtaskState::kFailed, *tm.restore_error);
  tm.restore = true;
  tm.restore_error.reset();
  h.loop.Drain();
  CHECK(h.State("fraud") == "RUNNING");
  CHECK(tm.deploy().restore == retained[1].manifest);
}

TEST_CASE("What a sink cannot get back ends the job by that name, whatever the guarantee") {
  const auto guarantee = GENERATE(job::Guarantee::kExactlyOnce, job::Guarantee::kAtLeastOnce);
  for (const absl::Status& why :
       {WithLoss(absl::DataLossError("out: alerts-0, offsets 3 to 9"), Loss::kRecords),
        WithLoss(absl::FailedPreconditionError("out: alerts-0"), Loss::kOutcome)}) {
    Harness h;
    FakeTaskManager& tm = h.RunningJob([&](job::JobSpec& s) { s.guarantee = guarantee; });
    tm.confirm = false;
    h.Advance(2 * kSeconds);
    tm.restore_error = why;
    tm.restore_domain = control::FailureDomain::kUser;
    tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
    h.Advance(200 * kMillis);
    CHECK(h.State("fraud") == "FAILED");
    const JobStatus status = h.Status("fraud");
    CHECK(status.failure->status.message() == tm.restore_error->message());
    CHECK(status.attempt == Attempt(3));  // the one that failed, one try, and the resolver's
    CHECK_FALSE(status.pending.empty());
  }
}

TEST_CASE("Sweeping owners are told which attempts a retained checkpoint is of") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob([](job::JobSpec& s) { s.checkpoint.keep = 2; });
  const auto last_sweep = [&] {
    control::Sweep last{};
    for (const control::ToTaskManager& message : tm.inbox) {
      if (const auto* sweep = std::get_if<control::Sweep>(&message)) last = *sweep;
    }
    return last;
  };
  CHECK(last_sweep().keep_from <= Attempt(1));  // checkpoint 0 at most
  h.Advance(3 * kSeconds);
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(200 * kMillis);
  CHECK(last_sweep().keep_from == Attempt(1));
  h.Advance(10 * kSeconds);
  REQUIRE(h.Record("fraud").retained.front().attempt == Attempt(2));
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(200 * kMillis);
  CHECK(last_sweep().fence.attempt == Attempt(3));
  CHECK(last_sweep().keep_from == Attempt(2));
}

TEST_CASE("Rights or topics that are missing end a job at its first start; later they are retried") {
  for (const absl::Status& why :
       {absl::PermissionDeniedError("topic alerts"), absl::UnauthenticatedError("user weir"),
        absl::NotFoundError("topic alerts does not exist")}) {
    INFO(why);
    {
      Harness h;
      FakeTaskManager& tm = h.AddTaskManager("tm-1", 2);
      tm.restore_error = why;
      tm.restore_domain = control::FailureDomain::kExternal;
      REQUIRE(h.Submit(h.AddSpec("fraud")).ok());
      h.Advance(kSeconds);
      CHECK(h.State("fraud") == "FAILED");
      CHECK(h.Status("fraud").attempt == Attempt(1));
    }
    {
      Harness h;
      FakeTaskManager& tm = h.RunningJob([](job::JobSpec& s) { s.restart.max_attempts = 3; });
      h.Advance(kSeconds);
      tm.restore_error = why;
      tm.restore_domain = control::FailureDomain::kExternal;
      tm.SendState({0, 0}, control::SubtaskState::kFailed, why, control::FailureDomain::kExternal);
      h.Advance(kSeconds / 2);
      CHECK(h.State("fraud") == "RESTARTING");
      tm.restore_error.reset();
      h.Advance(kSeconds);
      CHECK(h.State("fraud") == "RUNNING");
    }
  }
}

TEST_CASE("Splits that a source has found since are told before it runs, and recorded") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  tm.inbox.clear();
  tm.grown_splits = {{"split", "group"}, {"another", "group"}};
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(100 * kMillis);
  REQUIRE(h.State("fraud") == "RUNNING");
  REQUIRE(tm.Count<control::AssignSplits>() == 1);
  const control::AssignSplits assign = tm.All<control::AssignSplits>()[0];
  REQUIRE(assign.sources.size() == 1);
  CHECK(assign.sources[0].splits == tm.grown_splits);
  for (const auto& message : tm.inbox) {
    if (std::holds_alternative<control::StartRunning>(message)) FAIL("started before it was told");
    if (std::holds_alternative<control::AssignSplits>(message)) break;
  }
  h.Advance(kSeconds);
  auto bytes = h.storage->ReadUnverified(h.Record("fraud").retained.back().manifest.path);
  REQUIRE(bytes.ok());
  auto manifest = checkpoint::DecodeManifest(*bytes, "manifest");
  REQUIRE(manifest.ok());
  CHECK(manifest->sources[0].splits == tm.grown_splits);
}

TEST_CASE("Damaged input while running is not taken for a corrupt checkpoint") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::DataLossError("input"));
  h.Advance(100 * kMillis);
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE("A failed attempt before checkpoint 0 is followed by a first start") {
  Harness h;
  FakeTaskManager& tm = h.AddTaskManager("tm-1", 2);
  tm.restore = false;
  REQUIRE(h.Submit(h.AddSpec("fraud")).ok());
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  tm.restore = true;
  h.Advance(100 * kMillis);
  CHECK(tm.deploy().restore.path.empty());
  CHECK(h.State("fraud") == "RUNNING");
}

TEST_CASE("Files of older attempts are swept after the first checkpoint of the next one") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  const JobId id = h.Record("fraud").id;
  const std::string orphan = checkpoint::StatePrefix(id, Attempt(1), {1, 0}) + "orphan";
  const std::string restored = checkpoint::StatePrefix(id, Attempt(1), {1, 0}) + "1";
  const std::string own = checkpoint::StatePrefix(id, Attempt(2), {1, 0}) + "pending";
  for (const std::string& path : {orphan, own}) REQUIRE(h.storage->Write(path, "x").ok());
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(100 * kMillis);
  CHECK(h.HasFile(orphan));
  h.Advance(kSeconds);
  CHECK_FALSE(h.HasFile(orphan));
  CHECK(h.HasFile(restored));
  CHECK(h.HasFile(own));
}

TEST_CASE("After a storage failure no barrier is sent until everybody has probed the storage") {
  Harness h;
  FakeTaskManager& a = h.AddTaskManager("tm-1", 1);
  FakeTaskManager& b = h.AddTaskManager("tm-2", 1);
  REQUIRE(h.Submit(h.AddSpec("fraud")).ok());
  b.probe = false;
  h.storage->SetFull(true);
  h.Advance(kSeconds);
  CHECK(a.Count<control::CheckpointAborted>() == 1);
  h.storage->SetFull(false);
  const int triggers = a.Count<control::TriggerCheckpoint>();
  REQUIRE(b.Count<control::ProbeStorage>() >= 1);
  h.Advance(3 * kSeconds);
  CHECK(a.Count<control::TriggerCheckpoint>() == triggers);
  b.probe = true;
  h.Advance(10 * kSeconds);
  CHECK(a.Count<control::CheckpointComplete>() >= 1);
  CHECK(h.State("fraud") == "RUNNING");
  CHECK(h.Status("fraud").restarts == 0);
}

TEST_CASE(
    "Declined checkpoints beyond tolerable_failures restart the job, not before the timeout") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob([](job::JobSpec& s) { s.checkpoint.tolerable_failures = 1; });
  tm.ack = false;
  for (int i = 1; i <= 6 && h.Status("fraud").attempt == Attempt(1); ++i) {
    h.Advance(kSeconds);
    if (!tm.deployed()) break;  // given up while time passed
    const auto triggers = tm.All<control::TriggerCheckpoint>();
    tm.Send(control::CheckpointDecline{
        tm.deploy().fence, triggers.back().checkpoint, {1, 0}, absl::AbortedError("deadline")});
    h.loop.Drain();
    if (i < 4) CHECK(h.State("fraud") == "RUNNING");
  }
  h.Advance(200 * kMillis);
  CHECK(h.Status("fraud").attempt == Attempt(2));
  CHECK(h.Status("fraud").checkpoints_failed >= 2);
}

#ifdef WEIR_FAILPOINTS
TEST_CASE(
    "Failpoints of a checkpoint that return an error cost that checkpoint or a repetition, nothing "
    "else") {
  for (const char* name :
       {"before_trigger", "before_manifest_rename", "after_manifest_rename",
        "before_metadata_record", "after_metadata_record", "after_some_notifications"}) {
    INFO(name);
    Harness h;
    FakeTaskManager& tm = h.RunningJob();
    REQUIRE(failpoint::Configure(std::string(name) + "=error@1").ok());
    h.Advance(5 * kSeconds);
    REQUIRE(failpoint::Configure("").ok());
    CHECK(tm.Count<control::CheckpointComplete>() >= 3);
    CHECK(h.Status("fraud").attempt == Attempt(1));
  }
}
#endif

TEST_CASE("Watchers hear of every state, and last of the end") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  std::vector<std::string> states;
  auto watching = h.manager->Watch("fraud", [&](const absl::StatusOr<JobStatus>& status) {
    const std::string state = status.ok() ? ToString(status->state) : "error";
    if (states.empty() || states.back() != state) states.push_back(state);
  });
  h.loop.Drain();
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(100 * kMillis);
  tm.sweep = false;
  tm.EndSources();
  h.loop.Drain();
  tm.Send(control::Swept{tm.deploy().fence, {1, 0}});
  h.loop.Drain();
  CHECK(states ==
        std::vector<std::string>{"RUNNING", "RESTARTING", "RUNNING", "STOPPING", "FINISHED"});
  bool missing = false;
  auto nobody = h.manager->Watch(
      "nobody", [&](const auto& status) { missing = absl::IsNotFound(status.status()); });
  h.loop.Drain();
  CHECK(missing);
}

TEST_CASE("A TaskManager whose storage is another one, or whose build differs, gets no slots") {
  Harness h;
  CHECK(h.AddTaskManager("tm-1", 2).Count<control::Registered>() == 1);
  auto late = std::make_unique<FakeTaskManager>(&h, "tm-3", 2, 77);
  SECTION("storage") { late->storage_id = "another"; }
  SECTION("build") { late->build = "b2"; }
  late->Register();
  h.loop.Drain();
  CHECK(late->Count<control::RegisterRefused>() == 1);
  CHECK(late->Count<control::Registered>() == 0);
  CHECK(late->closed);
}

}  // namespace
}  // namespace weir::jobmanager
