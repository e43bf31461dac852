#pragma once

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock/system_clock.h"
#include "common/checkpoint/manifest_codec.h"
#include "common/checkpoint/storage_id.h"
#include "common/control/control_link.h"
#include "taskmanager/exchange/local_transport.h"
#include "taskmanager/state/state_factory.h"
#include "taskmanager/task_manager.h"
#include "tests/support/job_plan.h"
#include "tests/support/memory_storage.h"

namespace weir::taskmanager {

inline constexpr std::chrono::seconds kDeadline(60);

/// The JobManager of a test: the test's thread reads what the TaskManager says and answers by hand.
/// Thread: thread-safe.
class FakeJobManager final : public control::JobManagerConnector {
 public:
  absl::StatusOr<std::unique_ptr<control::JobManagerLink>> Connect(Events events) override {
    std::lock_guard lock(mutex_);
    events_ = std::make_shared<Events>(std::move(events));
    ++links_;
    return std::make_unique<Link>(this, links_);
  }

  void Send(control::ToTaskManager message) {
    std::shared_ptr<Events> events;
    {
      std::lock_guard lock(mutex_);
      events = events_;
    }
    events->on_message(std::move(message));
  }
  void Break() {
    std::shared_ptr<Events> events;
    {
      std::lock_guard lock(mutex_);
      events = std::move(events_);
      inbox_.clear();
      broken_ = links_;
    }
    events->on_closed(absl::UnavailableError("the test broke the link"));
  }

  /// The next message; fails the test when none comes.
  control::ToJobManager Next() {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kDeadline, [this] { return !inbox_.empty(); });
    REQUIRE(came);
    control::ToJobManager message = std::move(inbox_.front());
    inbox_.pop_front();
    return message;
  }
  /// The next message of that type; others in between are handed to `other` (by default: a
  /// subtask's failure fails the test, the rest is passed over).
  template <typename T>
  T Await(const std::function<void(const control::ToJobManager&)>& other = FailOnFailure) {
    for (;;) {
      control::ToJobManager message = Next();
      if (auto* wanted = std::get_if<T>(&message)) return std::move(*wanted);
      other(message);
    }
  }
  /// Waits until `count` source subtasks of the attempt have said that they have ended, at any time
  /// before too.
  void AwaitSourcesEnded(int64_t attempt, size_t count) {
    std::unique_lock lock(mutex_);
    const bool all = changed_.wait_for(lock, kDeadline,
                                       [&] { return ended_[Attempt(attempt)].size() == count; });
    REQUIRE(all);
  }
  static void FailOnFailure(const control::ToJobManager& message) {
    if (const auto* state = std::get_if<control::SubtaskStateChanged>(&message)) {
      INFO(state->error.ToString());
      REQUIRE(state->state != control::SubtaskState::kFailed);
    }
    if (const auto* decline = std::get_if<control::CheckpointDecline>(&message))
      FAIL(decline->reason.ToString());
  }
  /// Waits until `count` subtasks (of that attempt, unless 0) have reported `state`; returns the
  /// last report.
  control::SubtaskStateChanged AwaitStates(control::SubtaskState state, size_t count,
                                           int64_t attempt = 0) {
    std::set<SubtaskId> seen;
    control::SubtaskStateChanged last;
    while (seen.size() < count) {
      auto report = Await<control::SubtaskStateChanged>();
      if (report.state != state || (attempt != 0 && report.fence.attempt != Attempt(attempt))) {
        FailOnFailure(report);
        continue;
      }
      CHECK(seen.insert(report.subtask).second);
      last = std::move(report);
    }
    return last;
  }

 private:
  class Link final : public control::JobManagerLink {
   public:
    Link(FakeJobManager* owner, int number) : owner_(owner), number_(number) {}
    void Send(control::ToJobManager message) override {
      std::lock_guard lock(owner_->mutex_);
      if (number_ <= owner_->broken_) return;
      if (auto* ended = std::get_if<control::SourceEnded>(&message)) {
        owner_->ended_[ended->fence.attempt].insert(ended->subtask);
      }
      owner_->inbox_.push_back(std::move(message));
      owner_->changed_.notify_all();
    }

   private:
    FakeJobManager* owner_;
    int number_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Events> events_;
  std::deque<control::ToJobManager> inbox_;
  std::map<Attempt, std::set<SubtaskId>> ended_;
  int links_ = 0;
  int broken_ = 0;
};

/// What the fake connectors read and write: outlives TaskManagers, as the outside world does.
/// Thread: thread-safe.
struct World {
  static constexpr int kSplits = 3;
  static constexpr int64_t kRowsOfSplit = 400;

  /// Rows of each split that may be read by now.
  void Allow(int64_t rows) {
    std::vector<std::function<void()>> wakes;
    {
      std::lock_guard lock(mutex);
      allowed = rows;
      wakes.swap(waiting);
    }
    for (auto& wake : wakes) wake();
  }
  bool MayRead(int32_t split, int64_t position, const std::function<void()>& wake) {
    std::lock_guard lock(mutex);
    if (position < allowed) return true;
    waiting.push_back(wake);
    read[split] = position;
    changed.notify_all();
    return false;
  }
  /// Allows that and waits until it is read: a barrier triggered now comes behind these rows.
  void AllowAndAwait(int64_t rows) {
    Allow(rows);
    std::unique_lock lock(mutex);
    const bool done = changed.wait_for(lock, kDeadline, [&] {
      return read.size() == kSplits &&
             std::all_of(read.begin(), read.end(), [&](auto& r) { return r.second >= rows; });
    });
    REQUIRE(done);
  }
  int64_t Allowed() {
    std::lock_guard lock(mutex);
    return allowed;
  }
  /// Idempotent, as a commit has to be: by transaction.
  absl::Status Commit(const std::string& handle) {
    std::lock_guard lock(mutex);
    if (fail_commits) return absl::UnavailableError("told to fail");
    const size_t colon = handle.find(':');
    if (!committed.insert(handle.substr(0, colon)).second) return absl::OkStatus();
    for (size_t at = colon + 1; at < handle.size();) {
      const size_t end = handle.find('\n', at);
      visible.push_back(handle.substr(at, end - at));
      at = end + 1;
    }
    return absl::OkStatus();
  }
  std::vector<std::string> Visible() {
    std::lock_guard lock(mutex);
    std::vector<std::string> rows = visible;
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  std::mutex mutex;
  std::condition_variable changed;
  int64_t allowed = 0;
  std::map<int32_t, int64_t> read;  // of each split, when it came to wait
  std::vector<std::function<void()>> waiting;
  std::set<std::string> committed;
  std::vector<std::string> visible;
  bool fail_commits = false;
  absl::Status fail_writes;  // set before the job
  int sweeps = 0;
};

class WorldReader final : public SourceReader {
 public:
  WorldReader(World* world, SourceContext context) : world_(world), context_(std::move(context)) {}
  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override {
    if (split.payload != std::to_string(index))
      return absl::InternalError("not the split that was recorded");
    at_[index] = position.empty() ? 0 : std::stoll(position);
    return absl::OkStatus();
  }
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override {
    ReadResult result;
    if (at_.empty()) {
      result.kind = ReadResult::Kind::kEnded;
      return result;
    }
    for (auto& [split, at] : at_) {
      if (!world_->MayRead(split, at, context_.wake)) continue;
      const int64_t count =
          std::min({max_rows, int64_t{64}, world_->Allowed() - at, World::kRowsOfSplit - at});
      result.kind = ReadResult::Kind::kBatch;
      result.split = split;
      result.batch.schema = context_.schema;
      result.batch.rows = count;
      for (const batch::Field& field : context_.schema->fields) {
        batch::Column column = batch::Column::Allocate(field.type, count);
        for (int64_t i = 0; i < count; ++i) {
          // ts: a millisecond a row. n: which of seven keys.
          column.mutable_data<int64_t>()[i] =
              field.name == "ts" ? (at + i) * 1000 : (at + i + split) % 7;
        }
        result.batch.columns.push_back(std::move(column));
      }
      at += count;
      if (at == World::kRowsOfSplit) {
        result.split_ended = true;
        at_.erase(split);
      }
      return result;
    }
    return result;  // idle until woken
  }
  std::string Position(int32_t index) const override { return std::to_string(at_.at(index)); }

 private:
  World* world_;
  SourceContext context_;
  std::map<int32_t, int64_t> at_;
};

class WorldEnumerator final : public SplitEnumerator {
 public:
  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t) override {
    std::vector<checkpoint::SourceSplits::Split> splits;
    for (int i = 0; i < World::kSplits; ++i)
      splits.push_back({std::to_string(i), std::to_string(i)});
    return splits;
  }
};

/// The handle holds the rows themselves, so that anybody may commit them later.
class WorldSink final : public TwoPhaseCommitSink {
 public:
  WorldSink(World* world, const SinkContext& context) : world_(world), context_(context) {}
  std::string connector() const override { return "world"; }
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Write(const batch::Batch& batch) override {
    if (!world_->fail_writes.ok()) return world_->fail_writes;
    for (int64_t i = 0; i < batch.rows; ++i) rows_ += batch::RowToString(batch, i) + "\n";
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override {
    if (rows_.empty()) return nullptr;
    return std::make_unique<Sealed>(
        std::to_string(context_.attempt.value) + "-" + std::to_string(context_.subtask) + "-" +
        std::to_string(checkpoint.value) + ":" + std::exchange(rows_, ""));
  }
  absl::Status Commit(const std::string& handle) override { return world_->Commit(handle); }
  absl::Status Resolve(const std::string& handle) override { return world_->Commit(handle); }
  absl::Status Sweep() override {
    std::lock_guard lock(world_->mutex);
    ++world_->sweeps;
    return absl::OkStatus();
  }

 private:
  struct Sealed final : SealedTransaction {
    explicit Sealed(std::string handle) : handle(std::move(handle)) {}
    absl::StatusOr<std::optional<std::string>> PreCommit() override {
      return std::optional<std::string>(handle);
    }
    std::string handle;
  };
  World* world_;
  SinkContext context_;
  std::string rows_;
};

/// A TaskManager over the fakes, with the storage that all of a test's TaskManagers share.
class Fixture {
 public:
  explicit Fixture(World* world, std::shared_ptr<tests::MemoryStorage> storage =
                                     std::make_shared<tests::MemoryStorage>())
      : storage(std::move(storage)) {
    std::string name = (std::filesystem::temp_directory_path() / "weir-executor-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    registry_.sources["file"] = {
        [](const SourceContext&) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
          return std::make_unique<WorldEnumerator>();
        },
        [world](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<SourceReader>> {
          return std::make_unique<WorldReader>(world, context);
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
    options.state_dir = folder_;
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
  ~Fixture() {
    tm.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

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
                                bool resolve_only = false) {
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
    jm.Send(std::move(deploy));
    return subtasks;
  }
  /// From the deployment to RUNNING. `first`: with splits to record.
  void Run(const std::vector<SubtaskId>& subtasks, const control::Fence& fence, bool first) {
    size_t restored = 0;
    std::vector<checkpoint::SourceSplits> sources;
    while (restored < subtasks.size() || (first && sources.empty())) {
      control::ToJobManager message = jm.Next();
      FakeJobManager::FailOnFailure(message);
      if (auto* found = std::get_if<control::SplitsFound>(&message))
        sources.push_back(found->source);
      const auto* state = std::get_if<control::SubtaskStateChanged>(&message);
      if (state != nullptr && state->state == control::SubtaskState::kRestored) ++restored;
    }
    if (first) {
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
  std::string folder_;
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

/// What CountJob must make of the whole input, sorted.
inline std::vector<std::string> CountResult() {
  std::map<std::pair<int64_t, int64_t>, int64_t> counts;  // (key, window)
  for (int64_t split = 0; split < World::kSplits; ++split) {
    for (int64_t at = 0; at < World::kRowsOfSplit; ++at) ++counts[{(at + split) % 7, at / 100}];
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
