#include "tests/unit/taskmanager/executor/executor_harness.h"

// Attempts that go on from a checkpoint: at another parallelism, on another TaskManager, and the
// resolver's.

namespace weir::taskmanager {
namespace {

using control::SubtaskState;

/// Runs attempt 1 up to a stored checkpoint whose commits nobody has heard of, and kills its
/// TaskManager.
checkpoint::FileRef RunFirst(World* world, const std::shared_ptr<tests::MemoryStorage>& storage,
                             const std::string& backend, int64_t rows) {
  Fixture f(world, storage);
  f.Register();
  const control::Fence fence = FenceOf(1);
  const auto subtasks = f.Deploy(CountJob(2, backend), fence);
  f.Run(subtasks, fence, true);
  world->AllowAndAwait(rows);
  f.Checkpoint(1, fence, subtasks.size());
  f.jm.Send(control::CheckpointComplete{fence, CheckpointId(1)});
  for (int sinks = 0; sinks < 2; ++sinks) f.jm.Await<control::CommitConfirmed>();
  world->AllowAndAwait(rows + 60);
  return f.Store(f.Checkpoint(2, fence, subtasks.size()));
}

void RunToEnd(Fixture& f, World* world, const std::string& yaml, const control::Fence& fence,
              size_t sinks) {
  const auto plan = testing::PlanOf(yaml);
  world->Allow(World::kRowsOfSplit);
  f.jm.AwaitSourcesEnded(fence.attempt.value, static_cast<size_t>(plan->tasks[0].parallelism));
  size_t subtasks = 0;
  for (const plan::Task& task : plan->tasks) subtasks += static_cast<size_t>(task.parallelism);
  f.Checkpoint(10, fence, subtasks);
  f.jm.Send(control::CheckpointComplete{fence, CheckpointId(10)});
  for (size_t s = 0; s < sinks; ++s) f.jm.Await<control::CommitConfirmed>();
}

TEST_CASE("restore: at another parallelism every result is there once", "[executor]") {
  for (const char* backend : {"memory", "rocksdb"}) {
    for (const int parallelism : {1, 3, 5}) {
      INFO(backend << " at " << parallelism);
      World world;
      auto storage = std::make_shared<tests::MemoryStorage>();
      const checkpoint::FileRef manifest = RunFirst(&world, storage, backend, 170);
      const std::vector<std::string> before = world.Visible();
      Fixture f(&world, storage);
      f.Register();
      const control::Fence fence = FenceOf(2);
      const std::string yaml = CountJob(parallelism, backend);
      const auto subtasks = f.Deploy(yaml, fence, manifest);
      f.Run(subtasks, fence, /*first=*/false);
      CHECK(world.Visible().size() > before.size());  // what was pending is resolved
      RunToEnd(f, &world, yaml, fence, static_cast<size_t>(parallelism));
      CHECK(world.Visible() == CountResult());
    }
  }
}

TEST_CASE("restore: an input that had ended before the checkpoint still counts as ended",
          "[executor]") {
  World world;
  auto storage = std::make_shared<tests::MemoryStorage>();
  checkpoint::FileRef manifest;
  {
    Fixture f(&world, storage);
    f.Register();
    const auto subtasks = f.Deploy(UnionJob(1), FenceOf(1));
    f.Run(subtasks, FenceOf(1), true);
    f.jm.AwaitSourcesEnded(1, 1);
    world.AllowAndAwait(150);
    manifest = f.Store(f.Checkpoint(1, FenceOf(1), subtasks.size()));
  }
  for (const int parallelism : {1, 2}) {
    INFO("at " << parallelism);
    const control::Fence fence = FenceOf(1 + parallelism);
    Fixture f(&world, storage);
    f.Register();
    world.Allow(World::kRowsOfSplit);
    const auto subtasks = f.Deploy(UnionJob(parallelism), fence, manifest);
    f.Run(subtasks, fence, false);
    f.jm.AwaitSourcesEnded(fence.attempt.value, static_cast<size_t>(2 * parallelism));
    f.Checkpoint(10, fence, subtasks.size());
    f.jm.Send(control::CheckpointComplete{fence, CheckpointId(10)});
    for (int s = 0; s < parallelism; ++s) f.jm.Await<control::CommitConfirmed>();
    CHECK(world.Visible() == CountResult(2));
    std::lock_guard lock(world.mutex);  // the other one goes on from the same checkpoint
    world.visible.clear();
    world.committed.clear();
  }
}

TEST_CASE("restore: a resolver attempt commits what is pending and never runs", "[executor]") {
  World world;
  auto storage = std::make_shared<tests::MemoryStorage>();
  const checkpoint::FileRef manifest = RunFirst(&world, storage, "memory", 170);
  const std::vector<std::string> before = world.Visible();
  Fixture f(&world, storage);
  f.Register();
  const control::Fence fence = FenceOf(2);
  const auto subtasks = f.Deploy(CountJob(2), fence, manifest, /*resolve_only=*/true);
  REQUIRE(subtasks.size() == 1);
  f.jm.AwaitStates(SubtaskState::kRestored, 1);
  const std::vector<std::string> after = world.Visible();
  CHECK(after.size() > before.size());
  CHECK(world.told.empty());
  world.tell_status = absl::UnavailableError("is no reason not to end");
  f.jm.Send(control::Sweep{fence, Attempt(2)});
  f.jm.Await<control::Swept>();
  CHECK(world.told == std::map<std::string, std::vector<std::string>>{{"src", {"230", "230", "230"}}});
  CHECK(world.forgotten == std::vector<Attempt>{Attempt(2)});
  f.jm.Send(control::StartRunning{fence});  // even if told to
  f.jm.Send(control::CancelAttempt{fence});
  f.jm.AwaitStates(SubtaskState::kCancelled, 1);
  CHECK(world.Visible() == after);
}

TEST_CASE("restore: splits that an endless source has got since are read too", "[executor]") {
  std::string yaml = CountJob(2);
  while (yaml.find("src") != std::string::npos) yaml.replace(yaml.find("src"), 3, "live");
  World world;
  auto storage = std::make_shared<tests::MemoryStorage>();
  checkpoint::FileRef manifest;
  {
    Fixture f(&world, storage);
    f.Register();
    const auto subtasks = f.Deploy(yaml, FenceOf(1));
    f.Run(subtasks, FenceOf(1), true);
    world.AllowAndAwait(100);
    manifest = f.Store(f.Checkpoint(1, FenceOf(1), subtasks.size()));
  }
  CHECK(world.refreshes == 0);
  for (const int splits : {World::kSplits, World::kSplits + 2}) {
    INFO(splits);
    const int64_t attempt = splits;
    {
      std::lock_guard lock(world.mutex);
      world.splits = splits;
      world.allowed = 100;
    }
    Fixture f(&world, storage);
    f.Register();
    const auto subtasks = f.Deploy(yaml, FenceOf(attempt), manifest);
    f.Run(subtasks, FenceOf(attempt), false);
    CHECK(f.splits.size() == (splits > World::kSplits ? 1 : 0));  // said only when it has grown
    world.Allow(World::kRowsOfSplit);
    f.jm.AwaitSourcesEnded(attempt, 2);
    std::set<int32_t> read;
    for (const auto& subtask : f.Checkpoint(10, FenceOf(attempt), subtasks.size()).subtasks) {
      for (const auto& op : subtask.operators) {
        for (const auto& split : op.splits) {
          CHECK(split.split % 2 == subtask.subtask.index);
          read.insert(split.split);
        }
      }
    }
    CHECK(static_cast<int>(read.size()) == splits);
  }
}

TEST_CASE("restore: bounded sources are not asked for their splits again", "[executor]") {
  World world;
  auto storage = std::make_shared<tests::MemoryStorage>();
  const checkpoint::FileRef manifest = RunFirst(&world, storage, "memory", 100);
  Fixture f(&world, storage);
  f.Register();
  f.Run(f.Deploy(CountJob(2), FenceOf(2), manifest), FenceOf(2), false);
  CHECK(world.refreshes == 0);
}

TEST_CASE("restore: a sink knows whose checkpoint is resolved, and where its files go", "[executor]") {
  World world;
  auto storage = std::make_shared<tests::MemoryStorage>();
  const checkpoint::FileRef manifest = RunFirst(&world, storage, "memory", 100);
  world.sinks.clear();
  Fixture f(&world, storage);
  f.Register();
  f.Deploy(CountJob(2), FenceOf(2), manifest, true, [](control::Deploy* deploy) {
    deploy->former_job = JobId{"f"};
    deploy->unresolved = control::UnresolvedPolicy::kSkip;
  });
  f.jm.AwaitStates(SubtaskState::kRestored, 1);
  REQUIRE(world.sinks.size() == 1);
  const SinkContext& context = world.sinks[0];
  CHECK(context.former_job == JobId{"f"});
  CHECK(context.unresolved == UnresolvedPolicy::kSkip);
  CHECK(context.job_name == "t");
  CHECK(context.checkpoint_timeout_micros == 60'000'000);
  CHECK(context.storage == storage);
  CHECK(context.storage_prefix.starts_with(FenceOf(2).job.value + "/state/2/"));
  CHECK(context.memory_bytes >= int64_t{1} << 20);
  CHECK(context.wake != nullptr);
}

TEST_CASE("restore: a manifest that is damaged or gone is said by name", "[executor]") {
  World world;
  auto storage = std::make_shared<tests::MemoryStorage>();
  const checkpoint::FileRef manifest = RunFirst(&world, storage, "memory", 100);
  storage->Damage(manifest.path, [](std::string* bytes) { (*bytes)[bytes->size() / 2] ^= 1; });
  Fixture f(&world, storage);
  f.Register();
  f.Deploy(CountJob(2), FenceOf(2), manifest);
  for (int i = 0; i < 4; ++i) {
    const auto failed = f.jm.Await<control::SubtaskStateChanged>([](const auto&) {});
    CHECK(failed.state == SubtaskState::kFailed);
    CHECK(absl::IsDataLoss(failed.error));
    CHECK(failed.error.message().find(manifest.path) != absl::string_view::npos);
  }
}

}  // namespace
}  // namespace weir::taskmanager
