#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock/system_clock.h"
#include "common/checkpoint/manifest_codec.h"
#include "common/checkpoint/storage_id.h"
#include "taskmanager/exchange/local_transport.h"
#include "taskmanager/state/state_factory.h"
#include "taskmanager/task_manager.h"
#include "tests/support/job_plan.h"
#include "tests/support/memory_storage.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/taskmanager/executor/fake_job_manager.h"
#include "tests/unit/taskmanager/executor/world.h"

namespace weir::taskmanager {

/// A TaskManager over the fakes, with the storage that all of a test's TaskManagers share.
class Fixture {
 public:
  explicit Fixture(World* world, std::shared_ptr<tests::MemoryStorage> storage =
                                     std::make_shared<tests::MemoryStorage>())
      : storage(std::move(storage)) {
    registry_.sources["file"] = {
        [world](const SourceContext&) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
          return std::make_unique<WorldEnumerator>(world);
        },
        [world](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<SourceReader>> {
          return std::make_unique<WorldReader>(world, context);
        },
        [world](const SourceContext& context, const std::vector<SplitPosition>& positions) {
          std::lock_guard lock(world->mutex);
          for (const SplitPosition& at : positions) world->told[context.node->name].push_back(at.position);
          return world->tell_status;
        }};
    registry_.sinks["file"] =
        [world](const SinkContext& context) -> absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>> {
      return std::make_unique<WorldSink>(world, context);
    };
    REQUIRE(checkpoint::ReadOrWriteStorageId(*this->storage, "storage-1").ok());
    TaskManagerOptions options;
    options.name = "tm-1";
    options.address = "127.0.0.1:1";
    options.slots = 8;
    options.state_dir = folder_.path();
    options.sweep_interval = 10'000;
    options.build_id = "build";
    options.incarnation = Incarnation(7);
    TaskManagerParts parts;
    parts.clock = &clock_;
    parts.connector = &jm;
    parts.transport = &transport_;
    parts.connectors = &registry_;
    parts.compile =
        [](const std::string& spec) -> absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>> {
      auto plan = testing::PlanOf(spec);  // the tests send YAML
      if (plan == nullptr) return absl::InvalidArgumentError("no job");
      return plan;
    };
    parts.open_state = [](const KeyedStateOptions& o, std::shared_ptr<checkpoint::Storage> s,
                          const std::vector<checkpoint::KeyedSnapshot>& restored) {
      return OpenKeyedState(o, std::move(s), restored);
    };
    parts.open_storage = [s = this->storage](const std::string&)
        -> absl::StatusOr<std::shared_ptr<checkpoint::Storage>> { return s; };
    tm = std::make_unique<TaskManager>(options, parts);
    const absl::Status started = tm->Start();
    INFO(started.ToString());
    REQUIRE(started.ok());
  }
  ~Fixture() { tm.reset(); }

  /// Answers its registration.
  control::Register Register(int64_t epoch = 1) {
    auto first = jm.Next();
    REQUIRE(std::holds_alternative<control::Register>(first));
    jm.Send(control::RegisterReply{LeaderEpoch(epoch), "memory:///", checkpoint::kStorageIdPath, 20,
                                   60'000});
    CHECK(jm.Await<control::StorageChecked>().storage_id == "storage-1");
    jm.Send(control::Registered{LeaderEpoch(epoch)});
    return std::get<control::Register>(first);
  }

  /// Deploys all subtasks of `yaml` here; returns them.
  std::vector<SubtaskId> Deploy(const std::string& yaml, const control::Fence& fence,
                                const checkpoint::FileRef& restore = {},
                                bool resolve_only = false,
                                const std::function<void(control::Deploy*)>& change = nullptr) {
    const auto plan = testing::PlanOf(yaml);
    REQUIRE(plan != nullptr);
    control::Deploy deploy;
    deploy.fence = fence;
    deploy.job_spec = yaml;
    deploy.plan_digest = plan->digest;
    deploy.storage = "memory:///";
    deploy.restore = restore;
    deploy.resolve_only = resolve_only;
    for (const plan::Task& task : plan->tasks) {
      for (int s = 0; s < task.parallelism; ++s) {
        const SubtaskId id{task.index, s};
        deploy.placements.push_back({id, "tm-1", "127.0.0.1:1", Incarnation(7)});
        if (!resolve_only || (task.operators.back().kind == plan::OperatorKind::kSink && s == 0)) {
          deploy.subtasks.push_back(id);
        }
      }
    }
    const std::vector<SubtaskId> subtasks = deploy.subtasks;
    if (change) change(&deploy);
    jm.Send(std::move(deploy));
    return subtasks;
  }
  /// From the deployment to RUNNING. `first`: with splits to record.
  void Run(const std::vector<SubtaskId>& subtasks, const control::Fence& fence, bool first) {
    size_t restored = 0;
    std::vector<checkpoint::SourceSplits> sources;
    while (restored < subtasks.size()) {
      control::ToJobManager message = jm.Next();
      FakeJobManager::FailOnFailure(message);
      if (auto* found = std::get_if<control::SplitsFound>(&message))
        sources.push_back(found->source);
      const auto* state = std::get_if<control::SubtaskStateChanged>(&message);
      if (state != nullptr && state->state == control::SubtaskState::kRestored) ++restored;
    }
    if (!sources.empty()) {
      splits = sources;
      jm.Send(control::AssignSplits{fence, sources});
    }
    jm.Send(control::Sweep{fence});
    for (size_t i = 0; i < subtasks.size(); ++i) jm.Await<control::Swept>();
    jm.Send(control::StartRunning{fence});
    jm.AwaitStates(control::SubtaskState::kRunning, subtasks.size());
  }
  /// Triggers and gathers all acknowledgements into a manifest.
  checkpoint::Manifest Checkpoint(int64_t id, const control::Fence& fence, size_t subtasks) {
    checkpoint::Manifest manifest;
    manifest.job = fence.job;
    manifest.id = CheckpointId(id);
    manifest.attempt = fence.attempt;
    manifest.sources = splits;
    jm.Send(control::TriggerCheckpoint{fence, CheckpointId(id), 60'000});
    while (manifest.subtasks.size() < subtasks) {
      auto ack = jm.Await<control::CheckpointAck>();
      CHECK(ack.checkpoint == CheckpointId(id));
      manifest.subtasks.push_back(std::move(ack.snapshot));
    }
    return manifest;
  }
  /// As the JobManager does: the manifest is in the storage before anybody is told.
  checkpoint::FileRef Store(const checkpoint::Manifest& manifest) {
    auto file = storage->Write("manifest-" + std::to_string(manifest.id.value),
                               checkpoint::EncodeManifest(manifest));
    REQUIRE(file.ok());
    return *file;
  }

  FakeJobManager jm;
  std::shared_ptr<tests::MemoryStorage> storage;
  std::vector<checkpoint::SourceSplits> splits;
  std::unique_ptr<TaskManager> tm;

 private:
  SystemClock clock_;
  LocalTransport transport_;
  ConnectorRegistry registry_;
  testing::TemporaryFolder folder_;
};

/// Counts of seven keys in windows of 100 ms.
inline std::string CountJob(int parallelism, const std::string& backend = "memory") {
  return R"y(
version: 1
name: t
parallelism: )y" +
         std::to_string(parallelism) + R"y(
state: {backend: )y" +
         backend + R"y(}
sources:
  src: {type: file, path: /x, format: {type: json}, schema: {n: bigint not null, ts: timestamp not null},
        event_time: {field: ts}}
operators:
  w: {type: window_aggregate, input: src, key_by: [n], window: {tumbling: 100ms}, aggregate: {c: count(*)}}
sinks:
  out: {type: file, path: /y, input: w, format: {type: json}}
)y";
}

/// The same over two sources, of which `quick` is read to its end at once.
inline std::string UnionJob(int parallelism) {
  std::string job = CountJob(parallelism);
  job.replace(
      job.find("operators:"), 0,
      "  quick: {type: file, path: /z, format: {type: json}, schema: {n: bigint not null, ts: "
      "timestamp not null}, event_time: {field: ts}}\n");
  job.replace(job.find("input: src"), 10, "inputs: [src, all]");
  job.replace(job.find("sinks:"), 0, "  all: {type: filter, input: quick, where: n >= 0}\n");
  return job;
}

/// What CountJob must make of the whole input, sorted; of so many sources.
inline std::vector<std::string> CountResult(int64_t sources = 1) {
  std::map<std::pair<int64_t, int64_t>, int64_t> counts;  // (key, window)
  for (int64_t split = 0; split < World::kSplits; ++split) {
    for (int64_t at = 0; at < World::kRowsOfSplit; ++at)
      counts[{(at + split) % 7, at / 100}] += sources;
  }
  std::vector<std::string> rows;
  for (const auto& [window, count] : counts) {
    rows.push_back("{n: " + std::to_string(window.first) +
                   ", window_start: " + batch::TimestampToString(window.second * 100'000) +
                   ", window_end: " + batch::TimestampToString((window.second + 1) * 100'000) +
                   ", c: " + std::to_string(count) + "}");
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

inline control::Fence FenceOf(int64_t attempt, int64_t epoch = 1) {
  return {LeaderEpoch(epoch), JobId{"0123456789abcdef0123456789abcdef"}, Attempt(attempt)};
}

}  // namespace weir::taskmanager
