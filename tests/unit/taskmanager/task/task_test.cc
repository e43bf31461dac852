#include "taskmanager/task/task.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>

#include "taskmanager/exchange/local_transport.h"
#include "taskmanager/operator/basic/filter_operator.h"
#include "tests/support/job_plan.h"

// A task between its channels, stepped by hand: order of rows, watermarks, barriers and snapshots.

using namespace weir;
using namespace weir::taskmanager;

namespace {

constexpr char kJob[] = R"(
version: 1
name: t
parallelism: 2
sources:
  a: {type: file, path: /x, format: {type: json}, schema: {n: bigint not null, ts: timestamp not null},
      event_time: {field: ts}}
operators:
  k: {type: window_aggregate, input: a, key_by: [n], window: {tumbling: 1s}, aggregate: {d: count(distinct n)}}
  f: {type: filter, input: k, where: d > 0}
sinks:
  out: {type: print, input: f}
)";

struct ManualClock final : Clock {
  SteadyMicros now = 1;
  SteadyMicros Steady() const override { return now; }
  WallMicros Wall() const override { return now; }
};

/// Writes down what happens to it.
struct Probe final : Operator {
  explicit Probe(std::vector<std::string>* log) : log(log) {}
  absl::Status Open(const OperatorContext&) override { return absl::OkStatus(); }
  absl::Status Process(batch::Batch batch, Output&) override {
    log->push_back("rows " + std::to_string(batch.rows));
    return absl::OkStatus();
  }
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output&) override {
    log->push_back("watermark " + std::to_string(watermark));
    return ++watermark_steps % 2 == 0 ? Progress::kDone : Progress::kMore;
  }
  absl::StatusOr<Progress> Drain(Output&) override {
    log->push_back("drain");
    return Progress::kDone;
  }
  SteadyMicros next_timer() const override { return timer; }
  absl::StatusOr<Progress> OnTimer(SteadyMicros now, Output&) override {
    log->push_back("timer " + std::to_string(now));
    timer = 0;
    return ++timer_steps % 2 == 0 ? Progress::kDone : Progress::kMore;
  }
  bool ReadyToSnapshot() const override { return ready; }
  absl::StatusOr<std::unique_ptr<AsyncSnapshot>> Snapshot(CheckpointId checkpoint) override {
    log->push_back("snapshot " + std::to_string(checkpoint.value));
    if (!asynchronous) return nullptr;
    return std::make_unique<Part>(checkpoint.value == failing ? absl::InternalError("lost") : absl::OkStatus());
  }
  Progress ContinueSnapshot() override {
    if (pieces == 0) return Progress::kDone;
    log->push_back("copy");
    return --pieces == 0 ? Progress::kDone : Progress::kMore;
  }
  void OnCheckpointComplete(CheckpointId checkpoint) override {
    log->push_back("complete " + std::to_string(checkpoint.value));
  }
  struct Part final : AsyncSnapshot {
    explicit Part(absl::Status s) : status(std::move(s)) {}
    absl::StatusOr<checkpoint::OperatorSnapshot> Run() override {
      if (!status.ok()) return status;
      return checkpoint::OperatorSnapshot();
    }
    absl::Status status;
  };
  std::vector<std::string>* log;
  int watermark_steps = 0;
  int timer_steps = 0;
  SteadyMicros timer = 0;
  bool ready = true;
  int pieces = 0;  // of the next snapshots, to be copied
  bool asynchronous = false;
  int64_t failing = -1;
};

struct Events final : TaskEvents {
  void OnSourceEnded() override { log.push_back("source ended"); }
  void OnAcknowledge(control::CheckpointAck ack) override {
    log.push_back("ack " + std::to_string(ack.checkpoint.value));
    acks.push_back(std::move(ack));
  }
  void OnDecline(CheckpointId checkpoint, absl::Status, bool) override {
    log.push_back("decline " + std::to_string(checkpoint.value));
  }
  void OnCommitted(CheckpointId) override {}
  void OnAsyncFailure(absl::Status error) override { log.push_back(error.ToString()); }
  std::vector<std::string> log;
  std::vector<control::CheckpointAck> acks;
};

/// The window task of kJob with a probe in place of its operators.
struct Fixture {
  explicit Fixture(bool exactly_once = true) : plan(testing::PlanOf(kJob)) {
    REQUIRE(plan != nullptr);
    for (const plan::Task& t : plan->tasks) {
      if (!t.inputs.empty()) planned = t;
    }
    planned.operators.resize(1);
    planned.outputs.clear();
    std::vector<TaskInput> inputs;
    for (int s = 0; s < 2; ++s) {
      const ChannelId id{JobId{"j"}, Attempt(1), planned.inputs[0], s, 0};
      inputs.push_back({transport.Register(id, [] {}), plan->edges[planned.inputs[0]].schema});
      channels.push_back(*transport.Connect(id, "", Incarnation(), [] {}));
    }
    Task::Options options;
    options.subtask = {planned.index, 0};
    options.plan = plan.get();
    options.task = &planned;
    options.clock = &clock;
    options.exactly_once = exactly_once;
    options.checkpoint_timeout_micros = 1000;
    options.counters = &counters;
    options.events = &events;
    options.run_async = [this](std::function<void()> work) { async.push_back(std::move(work)); };
    std::vector<OperatorPtr> operators;
    auto made = std::make_unique<Probe>(&log);
    probe = made.get();
    operators.push_back(std::move(made));
    task = std::make_unique<Task>(options, nullptr, std::move(operators), std::move(inputs), batch::kMinTimestamp);
    task->Start({});
  }
  void Send(int channel, Element::Kind kind, int64_t value) {
    Element element;
    element.kind = kind;
    element.value = value;
    if (kind == Element::Kind::kBatch) {
      element.batch.schema = plan->edges[planned.inputs[0]].schema;
      element.batch.rows = value;
      element.bytes = 10;
    }
    REQUIRE(channels[channel]->Send(std::move(element)).ok());
  }
  /// Steps until there is nothing to do; runs the asynchronous work then.
  void Run() {
    for (;;) {
      auto result = task->Step();
      REQUIRE(result.ok());
      if (result->kind == Task::StepResult::Kind::kWorked) continue;
      if (async.empty()) return;
      auto work = std::move(async.front());
      async.pop_front();
      work();
    }
  }
  std::vector<std::string> TakeLog() { return std::exchange(log, {}); }

  std::shared_ptr<const plan::ExecutionPlan> plan;
  plan::Task planned;
  ManualClock clock;
  LocalTransport transport;
  std::vector<std::unique_ptr<OutputChannel>> channels;
  OperatorCounters counters;
  Events events;
  std::deque<std::function<void()>> async;
  std::vector<std::string> log;
  Probe* probe = nullptr;
  std::unique_ptr<Task> task;
};

using Kind = Element::Kind;
using Log = std::vector<std::string>;

}  // namespace

TEST_CASE("Task: rows behind a barrier wait until all channels have delivered it", "[task]") {
  Fixture f;
  f.Send(0, Kind::kBatch, 1);
  f.Send(0, Kind::kBarrier, 7);
  f.Send(0, Kind::kBatch, 2);
  f.Send(1, Kind::kBatch, 3);
  f.Run();
  CHECK(f.TakeLog() == Log{"rows 1", "rows 3"});
  f.Send(1, Kind::kBatch, 4);
  f.Send(1, Kind::kBarrier, 7);
  f.Run();
  CHECK(f.TakeLog() == Log{"rows 4", "drain", "snapshot 7", "rows 2"});
  CHECK(f.events.log == Log{"ack 7"});
}

TEST_CASE("Task: after a part of a snapshot failed, later snapshots are not acknowledged", "[task]") {
  Fixture f;
  f.probe->asynchronous = true;
  f.probe->failing = 8;
  for (const int64_t checkpoint : {7, 8, 9}) {
    for (int c = 0; c < 2; ++c) f.Send(c, Kind::kBarrier, checkpoint);
  }
  f.Run();
  CHECK(f.TakeLog() == Log{"drain", "snapshot 7", "drain", "snapshot 8", "drain", "snapshot 9"});
  CHECK(f.events.log == Log{"ack 7", "INTERNAL: lost"});
}

TEST_CASE("Task: rows flow while a snapshot is copied, and its asynchronous part waits for the last piece", "[task]") {
  Fixture f;
  f.probe->pieces = 4;
  f.Send(0, Kind::kBarrier, 7);
  f.Send(1, Kind::kBarrier, 7);
  f.Send(0, Kind::kBatch, 2);
  f.Run();  // which goes on when there is nothing else to do
  CHECK(f.TakeLog() == Log{"drain", "snapshot 7", "copy", "copy", "rows 2", "copy", "copy"});
  CHECK(f.events.log == Log{"ack 7"});
}

TEST_CASE("Task: the next snapshot comes after the copy of the last one", "[task]") {
  Fixture f;
  f.probe->pieces = 9;
  for (const int64_t checkpoint : {7, 8}) {
    for (int c = 0; c < 2; ++c) f.Send(c, Kind::kBarrier, checkpoint);
  }
  f.Run();
  const Log log = f.TakeLog();
  const auto second = std::find(log.begin(), log.end(), "snapshot 8");
  CHECK(std::count(log.begin(), second, "copy") == 9);
  CHECK(f.events.log == Log{"ack 7", "ack 8"});
}

TEST_CASE("Task: at least once takes rows behind a barrier", "[task]") {
  Fixture f(/*exactly_once=*/false);
  f.Send(0, Kind::kBarrier, 7);
  f.Send(0, Kind::kBatch, 2);
  f.Run();
  CHECK(f.TakeLog() == Log{"rows 2"});
  f.Send(1, Kind::kBarrier, 7);
  f.Run();
  CHECK(f.events.log == Log{"ack 7"});
}

TEST_CASE("Task: its watermark is the least of its channels, in resumable steps", "[task]") {
  Fixture f;
  f.Send(0, Kind::kWatermark, 100);
  f.Run();
  CHECK(f.TakeLog().empty());
  f.Send(1, Kind::kWatermark, 50);
  f.Run();
  CHECK(f.TakeLog() == Log{"watermark 50", "watermark 50"});
  f.Send(1, Kind::kWatermark, kIdleWatermark);
  f.Run();
  CHECK(f.TakeLog() == Log{"watermark 100", "watermark 100"});  // what is idle does not hold back
  f.Send(0, Kind::kWatermark, 120);
  f.Run();
  CHECK(f.TakeLog() == Log{"watermark 120", "watermark 120"});
  CHECK(f.task->watermark() == 120);
}

TEST_CASE("Task: an alignment that does not end within the timeout is declined, and rows flow again", "[task]") {
  Fixture f;
  f.Send(0, Kind::kBarrier, 7);
  f.Send(0, Kind::kBatch, 2);
  f.Run();
  CHECK(f.TakeLog().empty());
  f.clock.now += 1001;
  f.Run();
  CHECK(f.TakeLog() == Log{"rows 2"});
  CHECK(f.events.log == Log{"decline 7"});
}

TEST_CASE("Task: an aborted checkpoint unblocks, and its late barrier is swallowed", "[task]") {
  Fixture f;
  f.Send(0, Kind::kBarrier, 7);
  f.Send(0, Kind::kBatch, 2);
  f.Run();
  REQUIRE(f.task->Abort(CheckpointId(7)).ok());
  f.Send(1, Kind::kBarrier, 7);
  f.Run();
  CHECK(f.TakeLog() == Log{"rows 2"});
  CHECK(f.events.log.empty());
}

TEST_CASE("Task: while an operator cannot seal no rows are taken; ready, the snapshot is taken at once", "[task]") {
  Fixture f;
  f.probe->ready = false;
  for (int c = 0; c < 2; ++c) {
    f.Send(c, Kind::kBarrier, 7);
    f.Send(c, Kind::kBatch, 1);
  }
  f.Run();
  CHECK(f.TakeLog() == Log{"drain"});
  const auto waits = f.task->Step();
  REQUIRE(waits.ok());
  CHECK(waits->kind == Task::StepResult::Kind::kWaitInput);
  CHECK(waits->until == f.clock.now + 500);  // half of the checkpoint timeout
  f.probe->ready = true;
  f.clock.now += 499;
  f.Run();
  CHECK(f.TakeLog() == Log{"snapshot 7", "rows 1", "rows 1"});
  CHECK(f.events.log == Log{"ack 7"});
}

TEST_CASE("Task: an operator that does not come to be ready makes it decline, and nothing was sealed", "[task]") {
  Fixture f;
  f.probe->ready = false;
  for (int c = 0; c < 2; ++c) {
    f.Send(c, Kind::kBarrier, 7);
    f.Send(c, Kind::kBatch, 1);
    f.Send(c, Kind::kBarrier, 8);
  }
  f.Run();
  f.clock.now += 500;
  f.Run();
  CHECK(f.events.log == Log{"decline 7"});
  CHECK(f.TakeLog() == Log{"drain", "rows 1", "rows 1", "drain"});
  f.probe->ready = true;
  f.Run();
  CHECK(f.TakeLog() == Log{"snapshot 8"});
  CHECK(f.events.log == Log{"decline 7", "ack 8"});
}

TEST_CASE("Task: an abort ends the wait for an operator", "[task]") {
  Fixture f;
  f.probe->ready = false;
  for (int c = 0; c < 2; ++c) f.Send(c, Kind::kBarrier, 7);
  f.Send(0, Kind::kBatch, 2);
  f.Run();
  REQUIRE(f.task->Abort(CheckpointId(7)).ok());
  f.Run();
  CHECK(f.TakeLog() == Log{"drain", "rows 2"});
  CHECK(f.events.log.empty());
  f.clock.now += 600;  // the time of 7 counts for nothing any more
  for (int c = 0; c < 2; ++c) f.Send(c, Kind::kBarrier, 8);
  f.Run();
  CHECK(f.events.log.empty());
}

TEST_CASE("Task: what is said again or too late changes nothing", "[task]") {
  Fixture f;
  for (const int64_t checkpoint : {7, 7, 6}) f.task->Trigger(CheckpointId(checkpoint));
  f.Run();
  f.task->Trigger(CheckpointId(7));
  f.Run();
  CHECK(f.events.log == Log{"ack 7"});
  f.task->Trigger(CheckpointId(8));
  f.Run();
  CHECK(f.TakeLog() == Log{"drain", "snapshot 7", "drain", "snapshot 8"});
  for (const int64_t checkpoint : {7, 8, 8, 7}) f.task->Complete(CheckpointId(checkpoint));
  CHECK(f.TakeLog() == Log{"complete 7", "complete 8", "complete 8"});
}

TEST_CASE("Task: under a new leader nothing waits for what the earlier one had begun", "[task]") {
  Fixture f;
  SECTION("in alignment") { f.Send(0, Kind::kBarrier, 7); }
  SECTION("waiting for an operator") {
    f.probe->ready = false;
    for (int c = 0; c < 2; ++c) f.Send(c, Kind::kBarrier, 7);
  }
  f.Send(0, Kind::kBatch, 2);
  f.Run();
  REQUIRE(f.task->Adopt(CheckpointId(6), CheckpointId(100)).ok());
  f.probe->ready = true;
  f.Send(1, Kind::kBarrier, 7);  // of before, on its way
  f.Run();
  const Log log = f.TakeLog();
  CHECK(log.back() == "rows 2");
  CHECK(std::find(log.begin(), log.end(), "snapshot 7") == log.end());
  CHECK(f.events.log.empty());
  for (int c = 0; c < 2; ++c) f.Send(c, Kind::kBarrier, 100);
  f.Run();
  CHECK(f.events.log == Log{"ack 100"});
}

TEST_CASE("Task: a failed channel is an error of the step", "[task]") {
  Fixture f;
  f.transport.EndAttempt(JobId{"j"}, Attempt(1), absl::AbortedError("gone"));
  CHECK(f.task->Step().status().message() == "gone");
}

TEST_CASE("Task: the snapshot names the watermark that its state stands at", "[task]") {
  Fixture f;
  for (int c = 0; c < 2; ++c) {
    f.Send(c, Kind::kWatermark, batch::kMaxTimestamp);
    f.Send(c, Kind::kBarrier, 3);
  }
  f.Run();
  REQUIRE(f.events.acks.size() == 1);
  CHECK(f.events.acks[0].snapshot.ended);
  CHECK(f.events.acks[0].snapshot.operators[0].watermark == batch::kMaxTimestamp);
}

TEST_CASE("Task: an operator's timer is waited for and called until it is through, before the next rows", "[task]") {
  Fixture f;
  f.probe->timer = 500;
  auto idle = f.task->Step();
  REQUIRE(idle.ok());
  CHECK(idle->kind == Task::StepResult::Kind::kWaitInput);
  CHECK(idle->until == 500);
  f.Send(0, Kind::kBarrier, 7);  // an alignment's deadline, 1001, is later
  f.Run();
  idle = f.task->Step();
  REQUIRE(idle.ok());
  CHECK(idle->until == 500);
  CHECK(f.TakeLog().empty());
  f.clock.now = 500;
  f.Send(1, Kind::kBatch, 3);
  f.Run();
  CHECK(f.TakeLog() == Log{"timer 500", "timer 500", "rows 3"});
  idle = f.task->Step();
  REQUIRE(idle.ok());
  CHECK(idle->until == 1001);
}
