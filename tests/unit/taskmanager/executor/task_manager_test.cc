#include "common/base/loss.h"
#include "tests/unit/taskmanager/executor/executor_harness.h"

// A TaskManager under a JobManager's orders: registration, deployment, checkpoints, ends, fences.

namespace weir::taskmanager {
namespace {

using control::SubtaskState;

TEST_CASE("TaskManager: runs a bounded job; results become visible with their checkpoints",
          "[executor]") {
  World world;
  Fixture f(&world);
  const control::Register hello = f.Register();
  CHECK(hello.name == "tm-1");
  CHECK(hello.running.empty());

  const control::Fence fence = FenceOf(1);
  const auto subtasks = f.Deploy(CountJob(2), fence);
  REQUIRE(subtasks.size() == 4);
  f.Run(subtasks, fence, /*first=*/true);
  REQUIRE(f.splits.size() == 1);
  CHECK(f.splits[0].splits.size() == World::kSplits);
  CHECK(world.sweeps >= 1);
  CHECK(f.tm->Running().size() == 4);

  // In the middle of the input: some windows have fired, nothing is visible before the checkpoint
  // is complete.
  world.AllowAndAwait(250);
  const checkpoint::Manifest first = f.Checkpoint(1, fence, subtasks.size());
  CHECK(std::none_of(first.subtasks.begin(), first.subtasks.end(),
                     [](const auto& s) { return s.ended; }));
  CHECK(world.Visible().empty());
  f.jm.Send(control::CheckpointComplete{fence, CheckpointId(1)});
  for (int sinks = 0; sinks < 2; ++sinks)
    CHECK(f.jm.Await<control::CommitConfirmed>().checkpoint == CheckpointId(1));

  world.Allow(World::kRowsOfSplit);
  f.jm.AwaitSourcesEnded(1, 2);
  const checkpoint::Manifest last = f.Checkpoint(2, fence, subtasks.size());
  CHECK(std::all_of(last.subtasks.begin(), last.subtasks.end(),
                    [](const auto& s) { return s.ended; }));
  CHECK(world.Visible() != CountResult());
  f.jm.Send(control::CheckpointComplete{fence, CheckpointId(2)});
  for (int sinks = 0; sinks < 2; ++sinks) f.jm.Await<control::CommitConfirmed>();
  CHECK(world.Visible() == CountResult());

  f.jm.Send(control::CancelAttempt{fence});
  f.jm.AwaitStates(SubtaskState::kCancelled, subtasks.size());
  CHECK(f.tm->Running().empty());
}

TEST_CASE("TaskManager: sinks sweep on while the job runs, and say what they have open", "[executor]") {
  World world;
  world.sweeps_while_running = true;
  Fixture f(&world);
  f.Register();
  const auto subtasks = f.Deploy(CountJob(2), FenceOf(1));
  f.Run(subtasks, FenceOf(1), true);
  {
    std::unique_lock lock(world.mutex);
    const int before = world.sweeps;
    CHECK(world.changed.wait_for(lock, kDeadline, [&] { return world.sweeps >= before + 3; }));
  }
  for (;;) {
    const auto report = f.jm.Await<control::MetricsReport>();
    if (report.sinks.empty()) continue;  // once a second
    REQUIRE(report.sinks.size() == 2);
    CHECK(report.sinks[0].sink == "out");
    CHECK(report.sinks[1].subtask.index == 1);
    CHECK(report.sinks[0].transactions.open.size() == 1);
    CHECK(report.sinks[0].transactions.commits == 4);
    break;
  }
}

TEST_CASE("TaskManager: what is of an older attempt or epoch is dropped", "[executor]") {
  World world;
  Fixture f(&world);
  f.Register(5);
  const auto subtasks = f.Deploy(CountJob(1), FenceOf(2, 5));
  f.Run(subtasks, FenceOf(2, 5), true);
  // None of these may do anything; the checkpoint that follows tells, since messages keep their
  // order.
  f.jm.Send(control::CancelAttempt{FenceOf(2, 4)});
  f.jm.Send(control::CancelAttempt{FenceOf(1, 5)});
  f.Deploy(CountJob(1), FenceOf(3, 4));
  f.Deploy(CountJob(1), FenceOf(2, 5));
  f.Deploy(CountJob(1), FenceOf(1, 5));
  f.jm.Send(control::TriggerCheckpoint{FenceOf(1, 5), CheckpointId(90), 1});
  f.jm.Send(control::TriggerCheckpoint{FenceOf(2, 4), CheckpointId(91), 1});
  f.Checkpoint(1, FenceOf(2, 5), subtasks.size());
  CHECK(f.tm->Running().size() == subtasks.size());

  // A newer attempt ends the older one, which reports its end; what was ended is not begun again.
  const auto next = f.Deploy(CountJob(1), FenceOf(3, 5));
  f.Run(next, FenceOf(3, 5), true);
  f.jm.Send(control::CancelAttempt{FenceOf(4, 5)});
  f.jm.AwaitStates(SubtaskState::kCancelled, next.size(), 3);
  f.Deploy(CountJob(1), FenceOf(4, 5));
  f.Deploy(CountJob(1), FenceOf(5, 5));
  const auto restored = f.jm.AwaitStates(SubtaskState::kRestored, next.size());
  CHECK(restored.fence.attempt == Attempt(5));
}

TEST_CASE("TaskManager: a failure says whose it is", "[executor]") {
  struct Case {
    absl::Status error;
    control::FailureDomain domain;
  };
  const Case cases[] = {{absl::InvalidArgumentError("bad row"), control::FailureDomain::kUser},
                        {absl::UnavailableError("no broker"), control::FailureDomain::kExternal},
                        {absl::DataLossError("DATA_LOSS: a file of ours"), control::FailureDomain::kInternal},
                        {WithLoss(absl::DataLossError("offsets 3 to 9"), Loss::kRecords), control::FailureDomain::kUser},
                        {absl::InternalError("bug"), control::FailureDomain::kInternal}};
  for (const Case& one : cases) {
    World world;
    world.fail_writes = one.error;
    Fixture f(&world);
    f.Register();
    const control::Fence fence = FenceOf(1);
    const auto subtasks = f.Deploy(CountJob(1), fence);
    f.Run(subtasks, fence, true);
    world.Allow(World::kRowsOfSplit);
    control::SubtaskStateChanged failed;
    while (failed.state != SubtaskState::kFailed) {
      failed = f.jm.Await<control::SubtaskStateChanged>([](const auto&) {});
    }
    CHECK(failed.domain == one.domain);
    CHECK(failed.error.code() == one.error.code());
    CHECK(LossOf(failed.error) == LossOf(one.error));
    f.jm.Send(control::CancelAttempt{fence});
    f.jm.AwaitStates(SubtaskState::kCancelled, subtasks.size() - 1);
  }
}

TEST_CASE("TaskManager: a plan that cannot be made here fails every subtask", "[executor]") {
  World world;
  Fixture f(&world);
  f.Register();
  control::Deploy deploy;
  deploy.fence = FenceOf(1);
  deploy.job_spec = CountJob(1);
  deploy.plan_digest = "another build's";
  deploy.storage = "memory:///";
  deploy.subtasks = {{0, 0}, {1, 0}};
  f.jm.Send(deploy);
  for (int i = 0; i < 2; ++i) {
    const auto failed = f.jm.Await<control::SubtaskStateChanged>([](const auto&) {});
    CHECK(failed.state == SubtaskState::kFailed);
    CHECK(failed.domain == control::FailureDomain::kInternal);
  }
}

TEST_CASE("TaskManager: a commit that fails ends the attempt", "[executor]") {
  World world;
  Fixture f(&world);
  f.Register();
  const control::Fence fence = FenceOf(1);
  const auto subtasks = f.Deploy(CountJob(1), fence);
  f.Run(subtasks, fence, true);
  world.Allow(World::kRowsOfSplit);
  f.jm.AwaitSourcesEnded(1, 1);
  {
    std::lock_guard lock(world.mutex);
    world.fail_commits = true;
  }
  f.Checkpoint(1, fence, subtasks.size());
  f.jm.Send(control::CheckpointComplete{fence, CheckpointId(1)});
  control::SubtaskStateChanged failed;
  while (failed.state != SubtaskState::kFailed)
    failed = f.jm.Await<control::SubtaskStateChanged>([](const auto&) {});
  CHECK(failed.domain == control::FailureDomain::kExternal);
}

TEST_CASE("TaskManager: an aborted checkpoint leaves nothing behind", "[executor]") {
  World world;
  Fixture f(&world);
  f.Register();
  const control::Fence fence = FenceOf(1);
  const auto subtasks = f.Deploy(CountJob(2), fence);
  f.Run(subtasks, fence, true);
  // Subtasks may decline what was aborted, or acknowledge it: that is up to the threads.
  auto other = [](const control::ToJobManager& message) {
    const auto* decline = std::get_if<control::CheckpointDecline>(&message);
    if (decline == nullptr || decline->checkpoint.value % 2 != 0)
      FakeJobManager::FailOnFailure(message);
  };
  auto complete = [&](int64_t n) {
    f.jm.Send(control::TriggerCheckpoint{fence, CheckpointId(n), 60'000});
    std::set<SubtaskId> acked;
    while (acked.size() < subtasks.size()) {
      const auto ack = f.jm.Await<control::CheckpointAck>(other);
      if (ack.checkpoint == CheckpointId(n)) acked.insert(ack.snapshot.subtask);
    }
    f.jm.Send(control::CheckpointComplete{fence, CheckpointId(n)});
  };
  for (int64_t n = 1; n <= 20; ++n) {
    world.Allow(n * 10);
    if (n % 2 != 0) {
      complete(n);
      continue;
    }
    f.jm.Send(control::TriggerCheckpoint{fence, CheckpointId(n), 60'000});
    f.jm.Send(control::CheckpointAborted{fence, CheckpointId(n)});
  }
  world.Allow(World::kRowsOfSplit);
  f.jm.AwaitSourcesEnded(1, 2);
  complete(99);
  for (int sinks = 0; sinks < 2;) {
    sinks += f.jm.Await<control::CommitConfirmed>(other).checkpoint == CheckpointId(99) ? 1 : 0;
  }
  CHECK(world.Visible() == CountResult());
}

TEST_CASE("TaskManager: on a new link it introduces itself before anything else", "[executor]") {
  World world;
  Fixture f(&world);
  f.Register();
  const control::Fence fence = FenceOf(1);
  const auto subtasks = f.Deploy(CountJob(2), fence);
  f.Run(subtasks, fence, true);
  for (int64_t round = 1; round <= 5; ++round) {
    // Subtasks have something to say all the while.
    world.Allow(round * 20);
    f.jm.Send(control::TriggerCheckpoint{FenceOf(1, round), CheckpointId(round), 60'000});
    f.jm.Break();
    const control::Register again = f.Register(1 + round);
    REQUIRE(again.running.size() == 1);
    CHECK(again.running[0].second == fence.attempt);
    f.jm.Await<control::MetricsReport>();
  }
  f.jm.Send(control::CancelAttempt{FenceOf(1, 6)});
  f.jm.AwaitStates(SubtaskState::kCancelled, subtasks.size());
}

TEST_CASE("TaskManager: stops in the middle of everything", "[executor]") {
  for (int64_t round = 0; round < 6; ++round) {
    World world;
    world.allowed = World::kRowsOfSplit;
    Fixture f(&world);
    f.Register();
    const control::Fence fence = FenceOf(1);
    const auto subtasks = f.Deploy(CountJob(2, round % 2 == 0 ? "memory" : "rocksdb"), fence);
    if (round >= 2) {
      f.Run(subtasks, fence, true);
      f.jm.Send(control::TriggerCheckpoint{fence, CheckpointId(1), 60'000});
      f.jm.Send(control::CheckpointComplete{fence, CheckpointId(1)});
    }
    f.tm->Stop();
    CHECK(f.tm->Running().empty());
  }
}

}  // namespace
}  // namespace weir::taskmanager
