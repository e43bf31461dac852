#include "tests/unit/taskmanager/operator/window_model.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/unit/taskmanager/operator/window_pipeline.h"

// The window operators against a naive model: random jobs, rows, batches, subtasks, watermarks,
// checkpoints, restores.

namespace weir::taskmanager {
namespace {

using model::Row;

constexpr int64_t kSecond = 1'000'000;

struct Job {
  int64_t size, slide, lateness;
  const model::Keys* keys;
  std::vector<const model::Aggregate*> aggregates;
  bool late_used;
};

enum class Kept {
  kAny,      // any window and aggregates
  kSums,     // what a firing leaves behind is used by the next: counts and exact sums
  kExtrema,  // and minima and maxima
};

Job RandomJob(Rng& rng, Kept kept) {
  static constexpr std::pair<int64_t, int64_t> kWindows[] = {{10, 10}, {10, 10}, {10, 5}, {10, 3},
                                                             {7, 5},   {3, 10},  {4, 6}};
  static constexpr std::pair<int64_t, int64_t> kOverlapping[] = {
      {10, 2}, {10, 3}, {12, 1}, {25, 2}};
  Job job;
  std::tie(job.size, job.slide) = kept == Kept::kAny
                                      ? kWindows[rng.Below(std::size(kWindows))]
                                      : kOverlapping[rng.Below(std::size(kOverlapping))];
  job.lateness = rng.Below(2) == 0 ? 0 : 4;
  job.keys = &model::KeySets()[rng.Below(model::KeySets().size())];
  job.late_used = rng.Below(3) == 0;
  const bool distinct = kept == Kept::kAny && rng.Below(2) == 0;
  auto fits = [&](const model::Aggregate& one) {
    if (one.distinct) return distinct;
    if (kept == Kept::kAny) return true;
    const bool rounded = one.text.starts_with("sum(x)") || one.text.starts_with("avg(x)");
    const bool extreme = one.text.starts_with("min") || one.text.starts_with("max");
    return !rounded && (kept == Kept::kExtrema || !extreme);
  };
  const uint64_t wanted = 1 + rng.Below(8);
  while (job.aggregates.size() < wanted) {
    const model::Aggregate* one = &model::Aggregates()[rng.Below(model::Aggregates().size())];
    if (fits(*one)) job.aggregates.push_back(one);
  }
  return job;
}

std::string Yaml(const Job& job) {
  std::string aggregates;
  for (size_t a = 0; a < job.aggregates.size(); ++a) {
    absl::StrAppend(&aggregates, "      a", a, ": ", job.aggregates[a]->text, "\n");
  }
  return absl::StrCat(R"y(
version: 1
name: t
parallelism: 2
sources:
  src:
    type: file
    path: /x
    format: {type: json}
    schema: {k: string, i: int, n: bigint, d: "decimal(12,2)", x: double, s: string, t2: timestamp, day: date, b: boolean,
             ts: timestamp not null}
    event_time: {field: ts}
operators:
  w:
    type: window_aggregate
    input: src
    )y",
                      job.keys->yaml, R"y(
    window: {tumbling: 10s}
    allowed_lateness: )y",
                      job.lateness, R"y(s
    aggregate:
)y",
                      aggregates, "sinks:\n  out: {type: print, input: w}\n",
                      job.late_used ? "  late: {type: print, input: w.late}\n" : "");
}

/// The plan of `job`. Its window is put in here: the operators know more than the front end allows
/// (gaps between windows, slides that do not divide the size).
std::shared_ptr<const plan::ExecutionPlan> PlanFor(const Job& job) {
  const auto plan = testing::PlanOf(Yaml(job));
  if (plan == nullptr) return nullptr;
  auto changed = std::make_shared<plan::ExecutionPlan>(*plan);
  for (plan::Task& task : changed->tasks) {
    for (plan::PlanOperator& op : task.operators) {
      if (!op.window) continue;
      op.window->size = job.size * kSecond;
      op.window->slide = job.slide * kSecond;
      op.window->slice = std::gcd(job.size, job.slide) * kSecond;
    }
  }
  return changed;
}

batch::Batch MakeBatch(const batch::SchemaPtr& schema, const std::vector<Row>& rows) {
  BatchOf batch(schema, static_cast<int64_t>(rows.size()));
  auto at = [&](int64_t r) -> const Row& { return rows[static_cast<size_t>(r)]; };
  batch.Set<std::string>("k", [&](int64_t r) { return at(r).k; });
  batch.Set<int32_t>("i", [&](int64_t r) { return at(r).i; });
  batch.Set<int64_t>("n", [&](int64_t r) { return at(r).n; });
  batch.Set<batch::Decimal>("d", [&](int64_t r) { return at(r).d; });
  batch.Set<double>("x", [&](int64_t r) { return at(r).x; });
  batch.Set<std::string>("s", [&](int64_t r) { return at(r).s; });
  batch.Set<int64_t>("t2", [&](int64_t r) { return at(r).t2; });
  batch.Set<int32_t>("day", [&](int64_t r) { return at(r).day; });
  batch.Set<uint8_t>("b", [&](int64_t r) { return at(r).b; });
  batch.Set<int64_t>("ts", [&](int64_t r) { return std::optional(at(r).ts); });
  batch.SetTimes([&](int64_t r) { return at(r).ts; });
  return batch.Finish();
}

/// Columns of `.late` that the plan reads, as the harness prints them.
std::string LateText(const batch::Schema& schema, const Row& row) {
  std::vector<std::string> out;
  for (const batch::Field& field : schema.fields) {
    const std::string& n = field.name;
    out.push_back(n == "k"     ? model::Text(row.k)
                  : n == "i"   ? model::Text(row.i)
                  : n == "n"   ? model::Text(row.n)
                  : n == "d"   ? model::DecimalText(row.d, 2)
                  : n == "x"   ? model::Text(row.x)
                  : n == "s"   ? model::Text(row.s)
                  : n == "t2"  ? model::TimeText(row.t2)
                  : n == "day" ? model::DateText(row.day)
                  : n == "b"   ? model::Text(row.b)
                               : model::TimeText(row.ts));
  }
  return absl::StrJoin(out, "|");
}

struct Shape {
  std::string backend;
  int64_t memory_budget;
  int steps;
  int keys;
  int max_batch;
  Kept kept = Kept::kAny;
};

void Run(uint64_t seed, const Shape& shape) {
  Rng rng(seed);
  const Job job = RandomJob(rng, shape.kept);
  const std::string yaml = Yaml(job);
  INFO("seed " << seed << ", window of " << job.size << " every " << job.slide << "\n" << yaml);
  const auto plan = PlanFor(job);
  REQUIRE(plan != nullptr);

  StateHome home;
  home.backend = shape.backend;
  home.memory_budget = shape.memory_budget;
  int senders = 1 + static_cast<int>(rng.Below(3));
  auto receivers = [&] { return job.keys->yaml.empty() ? 1 : 1 + static_cast<int>(rng.Below(4)); };
  auto pipeline = std::make_unique<WindowPipeline>(plan, &home, senders, receivers(), nullptr);

  model::Windows expected{
      job.size * kSecond, job.slide * kSecond, job.lateness * kSecond, {}, {}, {}, 0};
  std::vector<std::string> emitted, late_rows, late_expected;
  int64_t late_counted = 0;
  auto collect = [&] {
    for (std::string& row : pipeline->collector->Take(kMainPort)) emitted.push_back(std::move(row));
    for (std::string& row : pipeline->collector->Take(kLatePort))
      late_rows.push_back(std::move(row));
    late_counted += std::exchange(pipeline->counters.late_rows, 0);
  };

  int64_t now = -25 * kSecond;
  int64_t checkpoint = 0;
  for (int step = 0; step < shape.steps; ++step) {
    const int sender = static_cast<int>(rng.Below(static_cast<uint64_t>(senders)));
    const uint64_t what = rng.Below(20);
    if (what < 12) {
      std::vector<Row> rows;
      const uint64_t count =
          1 + rng.Below(rng.Below(4) == 0 ? static_cast<uint64_t>(shape.max_batch) : 6);
      for (uint64_t r = 0; r < count; ++r)
        rows.push_back(model::RandomRow(rng, now, 6 * kSecond, shape.keys));
      for (const Row& row : rows) {
        if (!expected.Add(job.keys->text(row), row, pipeline->watermark())) {
          late_expected.push_back(LateText(*pipeline->source_schema(), row));
        }
      }
      REQUIRE_STATUS(pipeline->Feed(sender, MakeBatch(pipeline->source_schema(), rows)));
      now += static_cast<int64_t>(rng.Below(kSecond));
    } else if (what < 18) {
      const int64_t to = now - 7 * kSecond + static_cast<int64_t>(rng.Below(9 * kSecond));
      if (to > pipeline->watermark_of(sender)) REQUIRE_STATUS(pipeline->Advance(sender, to));
    } else {
      const bool restore = rng.Below(2) == 0;
      const PipelineSnapshot snapshot =
          pipeline->Checkpoint(++checkpoint, restore || rng.Below(3) > 0);
      collect();
      if (restore) {
        senders = 1 + static_cast<int>(rng.Below(3));
        pipeline = std::make_unique<WindowPipeline>(plan, &home, senders, receivers(), &snapshot);
      }
    }
  }
  for (int s = 0; s < senders; ++s) REQUIRE_STATUS(pipeline->Advance(s, batch::kMaxTimestamp));
  collect();

  // What was said last of a window stands.
  std::map<std::string, std::string> last;  // key and bounds -> aggregates
  std::map<std::string, int> times;
  for (const std::string& row : emitted) {
    size_t cut = row.size();
    for (size_t a = 0; a < job.aggregates.size(); ++a) cut = row.rfind('|', cut - 1);
    last[row.substr(0, cut)] = row.substr(cut);
    ++times[row.substr(0, cut)];
  }
  std::map<std::string, std::string> wanted;
  for (const auto& [window, rows] : expected.rows) {
    const auto& [key, start] = window;
    const std::string id = absl::StrCat(key, batch::TimestampToString(start), "|",
                                        batch::TimestampToString(start + expected.size));
    std::string values;
    for (const model::Aggregate* aggregate : job.aggregates)
      absl::StrAppend(&values, "|", aggregate->value(rows));
    wanted[id] = values;
    INFO(id);
    // Once, and again only for rows that came after it had fired.
    if (!expected.came_after.contains(window)) CHECK(times[id] == 1);
    if (expected.came_after.contains(window) && expected.came_before.contains(window))
      CHECK(times[id] > 1);
  }
  CHECK(last == wanted);
  CHECK(late_counted == expected.late);
  if (job.late_used) {
    std::sort(late_rows.begin(), late_rows.end());
    std::sort(late_expected.begin(), late_expected.end());
    CHECK(late_rows == late_expected);
  }
  // Nothing is left behind: all windows have fired, so all state is gone.
  const PipelineSnapshot end = pipeline->Checkpoint(++checkpoint);
  auto state = home.Open({0, plan->max_parallelism}, end.keyed);
  auto table = state->OpenTable(
      {"main",
       Accumulators(OperatorOf(*plan, plan::OperatorKind::kWindowAggregate).window->aggregates)
           .width(),
       false});
  REQUIRE(table.ok());
  CHECK((*table)->Namespaces().empty());
}

TEST_CASE("window: random jobs agree with the model, state in memory", "[operator][window]") {
  for (uint64_t seed = 1; seed <= 150; ++seed) Run(seed, {"memory", int64_t{64} << 20, 60, 12, 60});
}

TEST_CASE("window: random jobs agree with the model, state that does not fit in memory",
          "[operator][window]") {
  for (uint64_t seed = 1001; seed <= 1010; ++seed) Run(seed, {"rocksdb", 24 << 10, 40, 300, 300});
}

TEST_CASE("window: random sliding jobs that keep their merges agree with the model",
          "[operator][window]") {
  for (uint64_t seed = 2001; seed <= 2060; ++seed) {
    const Kept kept = seed % 3 == 0 ? Kept::kSums : Kept::kExtrema;
    Run(seed, {"memory", int64_t{64} << 20, 80, seed % 2 == 0 ? 12 : 400, 100, kept});
  }
}

TEST_CASE("window: the same, state that does not fit in memory", "[operator][window]") {
  Run(3001, {"rocksdb", 24 << 10, 40, 300, 300, Kept::kExtrema});
  Run(3002, {"rocksdb", 24 << 10, 40, 300, 300, Kept::kSums});
}

TEST_CASE("window: local aggregation gives way where it does not pay, with the same result",
          "[operator][window]") {
  // More than 100 000 rows, nearly all of different keys: the sender begins to pass rows on.
  const auto plan =
      testing::PlanOf(Yaml({10, 10, 0, &model::KeySets()[3], {&model::Aggregates()[0]}, false}));
  REQUIRE(plan != nullptr);
  StateHome home;
  WindowPipeline pipeline(plan, &home, 1, 2, nullptr);
  constexpr int64_t kRows = 4096;
  constexpr int64_t kBatches = 30;
  for (int64_t b = 0; b < kBatches; ++b) {
    BatchOf batch(pipeline.source_schema(), kRows);
    batch.Set<batch::Decimal>(
        "d", [&](int64_t r) { return std::optional<batch::Decimal>(b * kRows + r); });
    batch.SetTimes([](int64_t) { return 5 * kSecond; });
    REQUIRE_STATUS(pipeline.Feed(0, batch.Finish()));
  }
  REQUIRE_STATUS(pipeline.Advance(0, 10 * kSecond));
  const std::vector<std::string> rows = pipeline.collector->Take(kMainPort);
  CHECK(rows.size() == kRows * kBatches);
  CHECK(std::all_of(rows.begin(), rows.end(),
                    [](const std::string& row) { return row.ends_with("|1"); }));
}

}  // namespace
}  // namespace weir::taskmanager
