#include "absl/strings/match.h"
#include "common/checkpoint/manifest_codec.h"
#include "common/checkpoint/paths.h"
#include "jobmanager/checkpoint_files.h"
#include "tests/unit/jobmanager/harness.h"

namespace weir::jobmanager {
namespace {

struct Answer {
  absl::StatusOr<CheckpointInfo> value = absl::UnknownError("not answered");
  Done<CheckpointInfo> done() {
    return [this](absl::StatusOr<CheckpointInfo> v) { value = std::move(v); };
  }
  bool open() const { return absl::IsUnknown(value.status()); }
};

checkpoint::Manifest Read(Harness& h, const std::string& path) {
  auto bytes = h.storage->ReadUnverified(path);
  REQUIRE(bytes.ok());
  auto manifest = checkpoint::DecodeManifest(*bytes, path);
  REQUIRE(manifest.ok());
  return *manifest;
}

TEST_CASE(
    "A savepoint is answered when its commits are confirmed and the self-contained copy is "
    "written") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  tm.confirm = false;
  Answer answer;
  h.manager->Savepoint("fraud", answer.done());
  h.loop.Drain();
  REQUIRE(tm.Count<control::CheckpointComplete>() == 1);
  CHECK(tm.All<control::TriggerCheckpoint>()[0].savepoint);
  CHECK(answer.open());
  CHECK(h.Status("fraud").pending.size() == 2);
  tm.Confirm(CheckpointId(1));
  h.loop.Drain();
  REQUIRE(answer.value.ok());
  const JobId id = h.Record("fraud").id;
  CHECK(answer.value->path == "memory:///" + checkpoint::SavepointFolder(id, CheckpointId(1)));
  const auto manifest = Read(h, checkpoint::SavepointManifest(id, CheckpointId(1)));
  CHECK(manifest.self_contained);
  CHECK_FALSE(HasHandles(manifest));
  for (const auto& file : checkpoint::FilesOf(manifest)) {
    CHECK(absl::StartsWith(file.path, checkpoint::SavepointFolder(id, CheckpointId(1))));
    CHECK(h.storage->Read(file).ok());
  }
  CHECK(h.Status("fraud").savepoints.size() == 1);
  CHECK(h.Status("fraud").pending.empty());
  // It outlives the checkpoint that it was made of.
  h.Advance(5 * kSeconds);
  CHECK(h.storage->Read(checkpoint::FilesOf(manifest)[0]).ok());
}

TEST_CASE("A savepoint whose attempt fails is taken by the next one") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  Answer answer;
  SECTION("before it was complete") { tm.ack = false; }
  SECTION("before its commits were confirmed") { tm.confirm = false; }
  h.manager->Savepoint("fraud", answer.done());
  h.loop.Drain();
  CHECK(answer.open());
  tm.ack = tm.confirm = true;
  tm.SendState({0, 0}, control::SubtaskState::kFailed, absl::InternalError("boom"));
  h.Advance(100 * kMillis);
  CHECK(answer.value.ok());
}

TEST_CASE("A savepoint that is declined is an error to who asked") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  tm.ack = false;
  Answer answer;
  h.manager->Savepoint("fraud", answer.done());
  h.loop.Drain();
  tm.Send(control::CheckpointDecline{
      tm.deploy().fence, CheckpointId(1), {1, 0}, absl::AbortedError("too slow")});
  h.loop.Drain();
  CHECK(absl::IsAborted(answer.value.status()));
  CHECK(absl::StrContains(answer.value.status().message(), "too slow"));
}

TEST_CASE("stop: a savepoint, then STOPPED; the request survives the JobManager") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  Answer answer;
  SECTION("at once") {
    h.manager->Stop("fraud", answer.done());
    h.loop.Drain();
    REQUIRE(answer.value.ok());
    CHECK(tm.All<control::Deploy>().back().resolve_only);
  }
  SECTION("the checkpoint fails: it is repeated") {
    tm.ack = false;
    h.manager->Stop("fraud", answer.done());
    h.loop.Drain();
    tm.Send(control::CheckpointDecline{
        tm.deploy().fence, CheckpointId(1), {1, 0}, absl::AbortedError("too slow")});
    tm.ack = true;
    h.Advance(kSeconds);
    CHECK(answer.value.ok());
  }
  SECTION("the JobManager is killed: the next one goes on stopping") {
    tm.ack = false;
    h.manager->Stop("fraud", answer.done());
    h.loop.Drain();
    h.StartJobManager();
    tm.ack = true;
    tm.Register();
    h.Advance(kSeconds);
  }
  CHECK(h.State("fraud") == "STOPPED");
  REQUIRE(h.Record("fraud").savepoints.size() == 1);
  CHECK(h.HasFile(h.Record("fraud").savepoints[0].manifest.path));
}

TEST_CASE(
    "A savepoint starts another job at another parallelism; nothing refers to the savepoint then") {
  Harness h;
  h.RunningJob();
  Answer answer;
  h.manager->Stop("fraud", answer.done());
  h.loop.Drain();
  REQUIRE(answer.value.ok());
  FakeTaskManager& tm = *h.taskmanagers[0];
  auto id = h.Submit(h.AddSpec("again", [](job::JobSpec& s) { s.parallelism = 3; }),
                     Harness::From(answer.value->path));
  REQUIRE(id.ok());
  CHECK(h.State("again") == "RUNNING");
  CHECK_FALSE(tm.deploy().resolve_only);
  const auto manifest = Read(h, tm.deploy().restore.path);
  CHECK(manifest.id == CheckpointId(0));
  CHECK(manifest.job == *id);
  REQUIRE(checkpoint::FilesOf(manifest).size() == 2);
  for (const auto& file : checkpoint::FilesOf(manifest)) {
    CHECK(absl::StartsWith(file.path, id->value));
    CHECK(h.storage->Read(file).ok());
  }
  CHECK(tm.Count<control::AssignSplits>() == 1);  // of the first job only
  h.Advance(kSeconds);
  CHECK(Read(h, h.Record("again").retained.back().manifest.path).sources == manifest.sources);
}

TEST_CASE(
    "An ordinary checkpoint of another job: its handles are resolved before checkpoint 0 is "
    "recorded") {
  Harness h;
  FakeTaskManager& tm = h.RunningJob();
  h.Advance(kSeconds);
  std::string path;
  h.manager->Checkpoints(
      "fraud", [&](absl::StatusOr<std::vector<CheckpointInfo>> list) { path = list->back().path; });
  h.loop.Drain();
  h.manager->Cancel("fraud", [](absl::StatusOr<JobStatus>) {});
  h.loop.Drain();
  h.AddSpec("again");
  SECTION("resolved") {
    tm.sweep = false;
    absl::StatusOr<JobId> answer = absl::UnknownError("");
    h.manager->Submit({"again", Harness::From(path), Unresolved::kSkip},
                      [&](absl::StatusOr<JobId> a) { answer = std::move(a); });
    h.loop.Drain();
    CHECK(absl::IsUnknown(answer.status()));
    CHECK(tm.deploy().resolve_only);
    CHECK(tm.deploy().former_job == h.Record("fraud").id);
    CHECK(tm.deploy().unresolved == control::UnresolvedPolicy::kSkip);
    CHECK(HasHandles(Read(h, tm.deploy().restore.path)));
    CHECK(h.Record("again").retained.empty());
    SECTION("the JobManager is killed meanwhile") {
      h.StartJobManager();
      tm.sweep = true;
      tm.Register();
      h.loop.Drain();
    }
    SECTION("at once") {
      tm.sweep = true;
      tm.Send(control::Swept{tm.deploy().fence, {1, 0}});
      h.loop.Drain();
      CHECK(answer.ok());
    }
    CHECK(h.State("again") == "RUNNING");
    CHECK_FALSE(tm.deploy().resolve_only);
    CHECK_FALSE(tm.deploy().former_job.has_value());
    CHECK(tm.deploy().unresolved == control::UnresolvedPolicy::kFail);
    CHECK_FALSE(HasHandles(Read(h, tm.deploy().restore.path)));
  }
  SECTION("not resolvable: refused") {
    tm.restore_error = absl::FailedPreconditionError("SINK_FOLDER_MISMATCH");
    const auto answer = h.Submit("again", Harness::From(path));
    CHECK(absl::IsFailedPrecondition(answer.status()));
    CHECK(h.State("again") == "FAILED");
  }
}

TEST_CASE("--from a checkpoint with transactions of a job that runs is refused") {
  Harness h;
  h.RunningJob();
  h.Advance(kSeconds);
  std::string path;
  h.manager->Checkpoints(
      "fraud", [&](absl::StatusOr<std::vector<CheckpointInfo>> list) { path = list->back().path; });
  h.loop.Drain();
  const auto answer = h.Submit(h.AddSpec("again"), Harness::From(path));
  CHECK(absl::IsFailedPrecondition(answer.status()));
  CHECK(absl::StrContains(answer.status().message(), "has not ended"));
  CHECK(h.State("fraud") == "RUNNING");
  CHECK(h.metadata.jobs.size() == 1);
}

TEST_CASE("Files of handles: taken over with a checkpoint, not into a savepoint's copy") {
  tests::MemoryStorage storage;
  auto wal = storage.Write("old/state/3/1-0/1-wal", "records");
  REQUIRE(wal.ok());
  checkpoint::Manifest manifest;
  manifest.job.value = "old";
  manifest.id = CheckpointId(7);
  manifest.subtasks.push_back({{1, 0}, false, {{}}});
  manifest.subtasks[0].operators[0].handles.push_back(
      {CheckpointId(7), 0, "kafka", "h", 0, {*wal}});
  auto file = WriteManifest(storage, "old/checkpoints/7-1-3.manifest", manifest);
  REQUIRE(file.ok());

  checkpoint::Manifest taken = manifest;
  REQUIRE(ImportFiles(storage, storage, true, JobId{"new"}, &taken).ok());
  const checkpoint::FileRef& moved = taken.subtasks[0].operators[0].handles[0].files[0];
  CHECK(checkpoint::AttemptOfPath(JobId{"new"}, moved.path) == 0);  // swept once it is resolved
  CHECK(*storage.Read(moved) == "records");

  auto copy = CopySavepoint(storage, *file);
  REQUIRE(copy.ok());
  auto read = ReadManifest(storage, *copy);
  REQUIRE(read.ok());
  CHECK(checkpoint::FilesOf(*read).empty());
  CHECK(storage.List("old/savepoints/7")->size() == 1);

  // Within the job: the sweep of older attempts spares what a retained checkpoint names.
  REQUIRE(storage.Write("old/state/3/1-0/2-wal", "of no checkpoint").ok());
  REQUIRE(SweepOlderAttempts(storage, JobId{"old"}, Attempt(4), {wal->path}).ok());
  CHECK(storage.Read(*wal).ok());
  CHECK_FALSE(storage.ReadUnverified("old/state/3/1-0/2-wal").ok());
}

TEST_CASE("--from is refused where it does not fit, and leaves nothing behind") {
  Harness h;
  h.RunningJob();
  Answer answer;
  h.manager->Savepoint("fraud", answer.done());
  h.loop.Drain();
  const std::string from = Harness::From(answer.value->path);
  absl::Status status;
  SECTION("nothing there") {
    status = h.Submit(h.AddSpec("again"), "file:///mem/none/savepoints/1").status();
  }
  SECTION("another storage") {
    status = h.Submit(h.AddSpec("again"), "/elsewhere/x/savepoints/1").status();
  }
  SECTION("a relative path") { status = h.Submit(h.AddSpec("again"), "savepoints/1").status(); }
  SECTION("another max_parallelism") {
    status = h.Submit(h.AddSpec("again", [](job::JobSpec& s) { s.max_parallelism = 64; }), from)
                 .status();
    CHECK(absl::StrContains(status.message(), "max_parallelism is 128 in the checkpoint and 64"));
  }
  SECTION("a damaged manifest") {
    h.storage->Damage(h.Record("fraud").savepoints[0].manifest.path,
                      [](std::string* b) { b->resize(b->size() - 3); });
    status = h.Submit(h.AddSpec("again"), from).status();
    CHECK(absl::StrContains(status.message(), "CHECKPOINT_CORRUPT"));
  }
  INFO(status);
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(h.metadata.jobs.size() == 1);
}

TEST_CASE("A savepoint's folder may be moved") {
  auto path = ParseRestorePath("file:///backup/sp-1/");
  REQUIRE(path.ok());
  CHECK(path->storage == "file:///backup/sp-1");
  CHECK(path->manifest == "manifest");
  path = ParseRestorePath("/ckpt/0123/checkpoints/7-1-2.manifest");
  REQUIRE(path.ok());
  CHECK(path->storage == "file:///ckpt");
  CHECK(path->manifest == "0123/checkpoints/7-1-2.manifest");
  tests::MemoryStorage storage;
  checkpoint::Manifest manifest;
  manifest.job.value = "j";
  manifest.id = CheckpointId(7);
  manifest.self_contained = true;
  manifest.subtasks.push_back({{1, 0}, false, {{}}});
  manifest.subtasks[0].operators[0].keyed.push_back(
      {{}, "dump", {{"j/savepoints/7/0-base", 1, 2}}, {}, {}});
  REQUIRE(storage.Write("moved/manifest", checkpoint::EncodeManifest(manifest)).ok());
  auto read = ReadForRestore(storage, {"", "moved/manifest"});
  REQUIRE(read.ok());
  CHECK(checkpoint::FilesOf(*read)[0].path == "moved/0-base");
}

}  // namespace
}  // namespace weir::jobmanager
