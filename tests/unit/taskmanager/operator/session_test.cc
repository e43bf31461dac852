#include "taskmanager/operator/window/session_aggregate_operator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/window_pipeline.h"

// Session windows and windows of processing time, step by step: bounds, merging, lateness, what is
// left in state, timers. Random jobs are the contract's.

namespace weir::taskmanager {
namespace {

constexpr int64_t kSecond = 1'000'000;
using Lines = std::vector<std::string>;

/// One operator with its state.
struct Fixture {
  Fixture(const std::string& window, const std::string& aggregates, const std::string& more = "")
      : plan(testing::PlanOf(absl::StrCat(R"y(
version: 1
name: t
parallelism: 1
sources:
  a: {type: file, path: /x, format: {type: json}, schema: {k: string, n: bigint, ts: timestamp not null},
      event_time: {field: ts}}
operators:
  w: {type: window_aggregate, input: a, key_by: [k], window: )y",
                                          window, ", aggregate: {", aggregates, "}", more, R"y(}
sinks:
  out: {type: print, input: w}
  late: {type: print, input: w.late}
)y"))) {
    REQUIRE(plan != nullptr);
    Open({}, batch::kMinTimestamp);
  }
  void Open(const std::vector<checkpoint::KeyedSnapshot>& restored, int64_t watermark) {
    const plan::PlanOperator& op = OperatorOf(*plan, plan::OperatorKind::kWindowAggregate);
    window = nullptr;
    state = home.Open({0, plan->max_parallelism}, restored);
    OperatorContext context;
    context.plan = &op;
    context.execution_plan = plan.get();
    context.state = state.get();
    context.clock = &clock;
    context.counters = &counters;
    context.restored_watermark = watermark;
    if (op.window->kind == job::Window::Kind::kSession) {
      window = std::make_unique<SessionAggregateOperator>();
    } else {
      window = std::make_unique<WindowAggregateOperator>();
    }
    REQUIRE_STATUS(window->Open(context));
  }
  struct Row {
    std::string k;
    double seconds;
    std::optional<int64_t> n = 1;
  };
  void Feed(const std::vector<Row>& rows) {
    const batch::SchemaPtr& schema = OperatorOf(*plan, plan::OperatorKind::kWindowAggregate).input;
    BatchOf batch(schema, static_cast<int64_t>(rows.size()));
    auto at = [&](int64_t i) -> const Row& { return rows[static_cast<size_t>(i)]; };
    auto time = [&](int64_t i) { return static_cast<int64_t>(at(i).seconds * kSecond); };
    batch.Set<std::string>("k", [&](int64_t i) { return std::optional(at(i).k); });
    batch.Set<int64_t>("n", [&](int64_t i) { return at(i).n; });
    batch.Set<int64_t>("ts", [&](int64_t i) { return std::optional(time(i)); });
    batch.SetTimes(time);
    REQUIRE_STATUS(window->Process(batch.Finish(), collector));
  }
  void Advance(int64_t watermark) {
    for (;;) {
      auto progress = window->AdvanceWatermark(watermark, collector);
      REQUIRE(progress.ok());
      if (*progress == Progress::kDone) return;
    }
  }
  void RunTimer() {
    for (;;) {
      auto progress = window->OnTimer(clock.now, collector);
      REQUIRE(progress.ok());
      if (*progress == Progress::kDone) return;
    }
  }
  std::vector<checkpoint::KeyedSnapshot> Snapshot() {
    auto part = window->Snapshot(CheckpointId(++checkpoint));
    REQUIRE(part.ok());
    auto written = (*part)->Run();
    REQUIRE(written.ok());
    window->OnCheckpointComplete(CheckpointId(checkpoint));
    return written->keyed;
  }
  /// `k|start|end|aggregates`, times in seconds; sorted.
  Lines Rows() {
    Lines lines;
    for (const batch::Batch& batch : collector.batches[kMainPort]) {
      for (int64_t i = 0; i < batch.rows; ++i) {
        std::string line = batch::ValueToString(batch.columns[0], i);
        for (const int bound : {1, 2}) absl::StrAppend(&line, "|", batch.columns[bound].at<int64_t>(i) / 1e6);
        for (size_t c = 3; c < batch.columns.size(); ++c) {
          absl::StrAppend(&line, "|", batch::ValueToString(batch.columns[c], i));
        }
        lines.push_back(std::move(line));
      }
    }
    collector.batches[kMainPort].clear();
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  int64_t Late() {
    int64_t rows = 0;
    for (const batch::Batch& batch : collector.batches[kLatePort]) rows += batch.rows;
    collector.batches[kLatePort].clear();
    CHECK(std::exchange(counters.late_rows, 0) == rows);
    return rows;
  }

  std::shared_ptr<const plan::ExecutionPlan> plan;
  StateHome home;
  ManualClock clock;
  OperatorCounters counters;
  Collector collector;
  std::unique_ptr<KeyedState> state;
  OperatorPtr window;
  int64_t checkpoint = 0;
};

TEST_CASE("session: rows less than the gap apart belong together, others do not", "[operator][session]") {
  Fixture f("{session: 10s}", "c: count(*), s: sum(n)");
  f.Feed({{"a", 0}, {"a", 9.999}, {"b", 5}, {"a", 30}, {"a", 20}});
  f.Advance(20 * kSecond);  // a's first ends at 19.999, b's at 15
  CHECK(f.Rows() == Lines{"a|0|19.999|2|2", "b|5|15|1|1"});
  f.Advance(40 * kSecond - 1);
  CHECK(f.Rows() == Lines{"a|20|30|1|1"});  // the row at 30 is exactly the gap away
  f.Advance(40 * kSecond);
  CHECK(f.Rows() == Lines{"a|30|40|1|1"});
  CHECK(f.Late() == 0);
}

TEST_CASE("session: a row between two sessions joins them", "[operator][session]") {
  Fixture f("{session: 10s}", "c: count(*), low: min(k), d: count(distinct n)");
  f.Feed({{"long key, longer than twelve bytes", 0, 1}, {"long key, longer than twelve bytes", 15, 2}});
  f.Feed({{"long key, longer than twelve bytes", 40, 3}, {"long key, longer than twelve bytes", 8, 1}});
  f.Feed({{"long key, longer than twelve bytes", -20, std::nullopt}});
  f.Advance(batch::kMaxTimestamp);
  const std::string key = "long key, longer than twelve bytes";
  CHECK(f.Rows() == Lines{key + "|-20|-10|1|" + key + "|0", key + "|0|25|3|" + key + "|2",
                           key + "|40|50|1|" + key + "|1"});
}

TEST_CASE("session: within allowed_lateness a session comes again, whole and with its new bounds",
          "[operator][session]") {
  Fixture f("{session: 10s}", "c: count(*)", ", allowed_lateness: 5s");
  f.Feed({{"a", 0}, {"b", 1}});
  f.Advance(12 * kSecond);
  CHECK(f.Rows() == Lines{"a|0|10|1", "b|1|11|1"});
  f.Feed({{"a", -1}, {"b", 0.5}});  // their own sessions ended at 9 and 10.5, less than 5 s ago
  CHECK(f.Rows() == Lines{"a|-1|10|2", "b|0.5|11|2"});
  f.Feed({{"a", 4}});  // not over yet
  CHECK(f.Rows().empty());
  f.Feed({{"a", -4}, {"c", -3}, {"c", -2.5}});
  CHECK(f.Late() == 2);  // their own sessions ended at 6 and 7
  CHECK(f.Rows() == Lines{"c|-2.5|7.5|1"});
  f.Advance(30 * kSecond);
  CHECK(f.Rows() == Lines{"a|-1|14|3"});
}

TEST_CASE("session: nothing stays in state when all has been said", "[operator][session]") {
  for (const char* lateness : {"", ", allowed_lateness: 7s"}) {
    Fixture f("{session: 3s}", "c: count(*), low: min(k)", lateness);
    int64_t rows = 0;
    for (int i = 0; i < 400; ++i) {
      f.Feed({{absl::StrCat("key ", i % 37), i * 0.5}, {absl::StrCat("key ", i % 11), i * 0.5 - 1}});
      f.Advance(static_cast<int64_t>(i * 0.5 * kSecond) - 2 * kSecond);
      if (i % 50 == 49) f.Open(f.Snapshot(), static_cast<int64_t>(i * 0.5 * kSecond) - 2 * kSecond);
    }
    f.Advance(1000 * kSecond);
    for (const std::string& line : f.Rows()) {
      const size_t count = line.find('|', line.find('|', line.find('|') + 1) + 1) + 1;
      rows += std::stoll(line.substr(count));
    }
    CHECK(rows == 800);
    auto end = f.home.Open({0, f.plan->max_parallelism}, f.Snapshot());
    auto timers = end->OpenTable({SessionTimers::kTable, 0, false});
    REQUIRE(timers.ok());
    CHECK((*timers)->Namespaces().empty());
    const Accumulators accumulators(OperatorOf(*f.plan, plan::OperatorKind::kWindowAggregate).window->aggregates);
    auto sessions = end->OpenTable(SessionStore(&accumulators).table());
    REQUIRE(sessions.ok());
    CHECK(((*sessions)->Find(0) == nullptr || (*sessions)->Find(0)->size() == 0));
  }
}

TEST_CASE("session: times at the end of the calendar do not overflow", "[operator][session]") {
  Fixture f("{session: 1h}", "c: count(*)");
  const double last = static_cast<double>(batch::kMaxTimestamp / kSecond - 10);
  f.Feed({{"a", last}, {"a", last - 5}, {"b", -last}});
  f.Advance(batch::kMaxTimestamp);
  const Lines rows = f.Rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].ends_with("|2"));
}

TEST_CASE("processing time: a row counts when it comes, and the timer fires its window", "[operator][window]") {
  Fixture f("{tumbling: 10s, time: processing}", "c: count(*)");
  f.clock.now = 3 * kSecond;
  CHECK(f.window->next_timer() == 0);
  f.Feed({{"a", -500}, {"a", 99}});
  CHECK(f.window->next_timer() == 10 * kSecond);
  f.Advance(7000 * kSecond);  // says nothing about processing time
  CHECK(f.Rows().empty());
  f.clock.now = 10 * kSecond;
  f.RunTimer();
  CHECK(f.Rows() == Lines{"a|0|10|2"});
  CHECK(f.window->next_timer() == 0);
  f.clock.now = 9 * kSecond;  // set back: its window is over all the same
  f.Feed({{"a", 0}});
  f.clock.now = 12 * kSecond;
  f.Feed({{"b", 0}});
  const auto snapshot = f.Snapshot();
  f.clock.now = 55 * kSecond;
  f.Open(snapshot, 7000 * kSecond);
  CHECK(f.window->next_timer() == 55 * kSecond);  // over long since
  f.RunTimer();
  CHECK(f.Rows() == Lines{"a|10|20|1", "b|10|20|1"});
  f.Feed({{"c", 0}});
  f.Advance(batch::kMaxTimestamp);  // the end of the input
  CHECK(f.Rows() == Lines{"c|50|60|1"});
  CHECK(f.Late() == 0);
}

}  // namespace
}  // namespace weir::taskmanager
