#include "taskmanager/operator/sink_operator.h"

#include <catch2/catch.hpp>
#include <deque>
#include <set>

#include "tests/unit/taskmanager/operator/operator_harness.h"

// Pending handles: what a sink subtask has pre-committed, commits, and names in its
// acknowledgements.

namespace weir::taskmanager {
namespace {

constexpr char kJob[] = R"(
version: 1
name: t
sources:
  a: {type: file, path: /x, format: {type: json}, schema: {n: bigint not null}}
sinks:
  out: {type: file, path: /y, input: a, format: {type: json}}
)";

/// What a fake sink was asked, and what it is told to answer.
struct Script {
  std::vector<std::string> log;
  std::set<std::string> failing_commits, failing_resolves;
  bool fail_pre_commit = false;
  bool without_handles = false;
  bool ready = true;
};

class FakeSink final : public TwoPhaseCommitSink {
 public:
  FakeSink(Script* script, std::string connector)
      : script_(script), connector_(std::move(connector)) {}
  std::string connector() const override { return connector_; }
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Write(const batch::Batch& batch) override {
    written_ += batch.rows;
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override {
    if (written_ == 0) return nullptr;
    script_->log.push_back("seal " + std::to_string(checkpoint.value));
    return std::make_unique<Sealed>(script_, std::to_string(checkpoint.value) + ":" +
                                                 std::to_string(std::exchange(written_, 0)));
  }
  absl::Status Commit(const std::string& handle) override {
    script_->log.push_back("commit " + handle);
    return script_->failing_commits.contains(handle) ? absl::UnavailableError("no")
                                                     : absl::OkStatus();
  }
  absl::Status Resolve(const std::string& handle) override {
    script_->log.push_back("resolve " + handle);
    return script_->failing_resolves.contains(handle) ? absl::DataLossError("gone")
                                                      : absl::OkStatus();
  }
  absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) override {
    script_->log.push_back("all of " + std::to_string(handles.at(0).owner_subtask));
    return TwoPhaseCommitSink::ResolveAll(handles);
  }
  bool ReadyToSeal() const override { return script_->ready; }
  absl::Status Sweep() override { return absl::OkStatus(); }

 private:
  struct Sealed final : SealedTransaction {
    Sealed(Script* script, std::string name) : script(script), name(std::move(name)) {}
    absl::StatusOr<std::optional<std::string>> PreCommit() override {
      script->log.push_back("pre-commit " + name);
      if (script->fail_pre_commit) return absl::InternalError("disk");
      if (script->without_handles) return std::optional<std::string>();
      return std::optional<std::string>(name);
    }
    int64_t deadline_ms() const override { return 77; }
    std::vector<checkpoint::FileRef> files() const override { return {{"wal-" + name, 9, 1}}; }
    Script* script;
    std::string name;
  };
  Script* script_;
  std::string connector_;
  int64_t written_ = 0;
};

struct Fixture {
  Fixture() : plan(testing::PlanOf(kJob)) {
    REQUIRE(plan != nullptr);
    SinkOperator::Options options;
    options.run_async = [this](std::function<void()> work) { queue.push_back(std::move(work)); };
    options.on_committed = [this](CheckpointId n, absl::Status status) {
      script.log.push_back((status.ok() ? "committed " : "failed ") + std::to_string(n.value));
    };
    op = std::make_unique<SinkOperator>(options, std::make_unique<FakeSink>(&script, "fake"));
    OperatorContext context;
    context.plan = &OperatorOf(*plan, plan::OperatorKind::kSink);
    context.subtask = {0, 3};
    context.counters = &counters;
    REQUIRE_STATUS(op->Open(context));
  }
  void Write(int64_t rows) {
    BatchOf batch(plan->tasks[0].operators[0].output, rows);
    batch.Set<int64_t>("n", [](int64_t i) { return std::optional(i); });
    REQUIRE_STATUS(op->Process(batch.Finish(), output));
  }
  /// The barrier; its asynchronous part waits in the queue.
  void Barrier(int64_t n) {
    auto part = op->Snapshot(CheckpointId(n));
    REQUIRE(part.ok());
    std::shared_ptr<AsyncSnapshot> shared = *std::move(part);
    queue.push_back([this, n, shared] {
      auto result = shared->Run();
      acks[n] = result.ok() ? std::optional(*std::move(result)) : std::nullopt;
    });
  }
  void RunQueue() {
    while (!queue.empty()) {
      queue.front()();
      queue.pop_front();
    }
  }
  /// Checkpoint ids of the handles that acknowledgement `n` names.
  std::vector<int64_t> Named(int64_t n) {
    REQUIRE(acks.at(n).has_value());
    std::vector<int64_t> out;
    for (const checkpoint::SinkHandle& handle : acks.at(n)->handles)
      out.push_back(handle.checkpoint.value);
    return out;
  }
  std::vector<std::string> Log() { return std::exchange(script.log, {}); }

  std::shared_ptr<const plan::ExecutionPlan> plan;
  Script script;
  OperatorCounters counters;
  Collector output;
  std::deque<std::function<void()>> queue;
  std::map<int64_t, std::optional<checkpoint::OperatorSnapshot>> acks;
  std::unique_ptr<SinkOperator> op;
};

using Log = std::vector<std::string>;

TEST_CASE("sink: sealed at the barrier, pre-committed behind it, committed when complete",
          "[operator][sink]") {
  Fixture f;
  f.Write(2);
  f.Barrier(1);
  CHECK(f.Log() == Log{"seal 1"});
  f.Write(1);  // of the next transaction already
  f.RunQueue();
  CHECK(f.Log() == Log{"pre-commit 1:2"});
  REQUIRE(f.Named(1) == std::vector<int64_t>{1});
  const checkpoint::SinkHandle handle = f.acks[1]->handles[0];
  CHECK(handle.owner_subtask == 3);
  CHECK(handle.connector == "fake");
  CHECK(handle.bytes == "1:2");
  CHECK(handle.deadline_ms == 77);
  CHECK(handle.files == std::vector<checkpoint::FileRef>{{"wal-1:2", 9, 1}});
  CHECK(f.acks[1]->node == "out");
  f.op->OnCheckpointComplete(CheckpointId(1));
  CHECK(f.Log().empty());  // commits block: never on the task's thread
  f.RunQueue();
  CHECK(f.Log() == Log{"commit 1:2", "committed 1"});
  f.Barrier(2);
  f.RunQueue();
  CHECK(f.Named(2) == std::vector<int64_t>{2});
}

TEST_CASE("sink: it is ready when its connector is", "[operator][sink]") {
  Fixture f;
  CHECK(f.op->ReadyToSnapshot());
  f.script.ready = false;
  CHECK_FALSE(f.op->ReadyToSnapshot());
}

TEST_CASE("sink: without rows there is nothing to commit, and that is confirmed",
          "[operator][sink]") {
  Fixture f;
  f.Barrier(1);
  f.op->OnCheckpointComplete(CheckpointId(1));
  f.RunQueue();
  CHECK(f.Named(1).empty());
  CHECK(f.Log() == Log{"committed 1"});
}

TEST_CASE("sink: handles of checkpoints that failed are named again and committed with the next",
          "[operator][sink]") {
  Fixture f;
  for (int64_t n = 1; n <= 3; ++n) {
    f.Write(n);
    f.Barrier(n);
  }
  f.RunQueue();
  CHECK(f.Named(3) == std::vector<int64_t>{1, 2, 3});
  f.op->OnCheckpointAborted(CheckpointId(1));
  f.Log();
  // Complete 2 is heard of late, when barrier 4 has passed already.
  f.Write(4);
  f.Barrier(4);
  f.op->OnCheckpointComplete(CheckpointId(2));
  f.RunQueue();
  CHECK(f.Named(4) == std::vector<int64_t>{1, 2, 3, 4});
  CHECK(f.Log() == Log{"seal 4", "pre-commit 4:4", "commit 1:1", "commit 2:2", "committed 2"});
  f.op->OnCheckpointComplete(CheckpointId(4));
  f.RunQueue();
  CHECK(f.Log() == Log{"commit 3:3", "commit 4:4", "committed 4"});
  f.op->OnCheckpointComplete(CheckpointId(4));  // told twice: nothing is committed twice
  f.RunQueue();
  CHECK(f.Log() == Log{"committed 4"});
}

TEST_CASE("sink: a commit that fails stops there, and its handle is not forgotten",
          "[operator][sink]") {
  Fixture f;
  f.Write(1);
  f.Barrier(1);
  f.Write(2);
  f.Barrier(2);
  f.RunQueue();
  f.Log();
  f.script.failing_commits = {"1:1"};
  f.op->OnCheckpointComplete(CheckpointId(2));
  f.RunQueue();
  CHECK(f.Log() == Log{"commit 1:1", "failed 2"});  // 2 must not become visible before 1
  f.Barrier(3);
  f.RunQueue();
  CHECK(f.Named(3) == std::vector<int64_t>{1, 2});
}

TEST_CASE("sink: a pre-commit without handle, and one that fails", "[operator][sink]") {
  Fixture f;
  f.script.without_handles = true;
  f.Write(1);
  f.Barrier(1);
  f.RunQueue();
  CHECK(f.Named(1).empty());
  f.script.fail_pre_commit = true;
  f.Write(1);
  f.Barrier(2);
  f.RunQueue();
  CHECK_FALSE(f.acks.at(2).has_value());
}

TEST_CASE("sink: handles are resolved in checkpoint order, by their own kind of sink only",
          "[operator][sink]") {
  Script script;
  FakeSink sink(&script, "fake");
  auto handle = [](int64_t n, const std::string& connector, int32_t owner = 0) {
    checkpoint::SinkHandle h;
    h.owner_subtask = owner;
    h.checkpoint = CheckpointId(n);
    h.connector = connector;
    h.bytes = std::to_string(n);
    return h;
  };
  CHECK(
      ResolveHandles(sink, {handle(3, "fake"), handle(1, "fake", 4), handle(2, "fake")}, "out").ok());
  CHECK(script.log == Log{"all of 0", "resolve 2", "resolve 3", "all of 4", "resolve 1"});

  script.log.clear();
  script.failing_resolves = {"2"};
  const absl::Status lost = ResolveHandles(
      sink, {handle(1, "fake"), handle(2, "fake"), handle(3, "fake"), handle(4, "fake", 1)}, "out");
  CHECK(absl::IsDataLoss(lost));
  CHECK(std::string(lost.message()).find("out") != std::string::npos);
  CHECK(script.log == Log{"all of 0", "resolve 1", "resolve 2", "all of 1", "resolve 4"});

  script.log.clear();
  const absl::Status other = ResolveHandles(sink, {handle(4, "fake"), handle(5, "kafka")}, "out");
  CHECK(absl::IsFailedPrecondition(other));
  CHECK(std::string(other.message()).find("kafka") != std::string::npos);
  CHECK(script.log.empty());  // refused as a whole: nothing of it is resolved
}

}  // namespace
}  // namespace weir::taskmanager
