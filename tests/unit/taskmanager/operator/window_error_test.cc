#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/window_pipeline.h"

// Windows at the edges of their values: sums that do not fit, rows that cannot be computed, NaN,
// the ends of time.

namespace weir::taskmanager {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

struct Fixture {
  Fixture(const std::string& on_error, const std::string& aggregates,
          const std::string& more = "") {
    const std::string yaml =
        absl::StrCat(R"y(
version: 1
name: t
parallelism: 2
sources:
  src: {type: file, path: /x, format: {type: json}, schema: {k: bigint, n: bigint, x: double, d: "decimal(38,2)",
        ts: timestamp not null}, event_time: {field: ts}}
operators:
  w:
    type: window_aggregate
    input: src
    key_by: {half: 100 / k}
    window: {tumbling: 10s}
    on_error: )y",
                     on_error, "\n", more, "    aggregate: {", aggregates, R"y(}
sinks:
  out: {type: print, input: w}
)y",
                     on_error == "route" ? "  errors: {type: print, input: w.errors}\n" : "");
    INFO(yaml);
    plan = testing::PlanOf(yaml);
    REQUIRE(plan != nullptr);
    pipeline = std::make_unique<WindowPipeline>(plan, &home, 1, 1, nullptr);
  }
  struct Row {
    std::optional<int64_t> k, n;
    std::optional<double> x;
    std::optional<batch::Decimal> d;
    int64_t ts = 0;
  };
  absl::Status Feed(const std::vector<Row>& rows) {
    BatchOf batch(pipeline->source_schema(), static_cast<int64_t>(rows.size()));
    auto at = [&](int64_t i) -> const Row& { return rows[static_cast<size_t>(i)]; };
    batch.Set<int64_t>("k", [&](int64_t i) { return at(i).k; });
    batch.Set<int64_t>("n", [&](int64_t i) { return at(i).n; });
    batch.Set<double>("x", [&](int64_t i) { return at(i).x; });
    batch.Set<batch::Decimal>("d", [&](int64_t i) { return at(i).d; });
    batch.Set<int64_t>("ts", [&](int64_t i) { return std::optional(at(i).ts); });
    batch.SetTimes([&](int64_t i) { return at(i).ts; });
    return pipeline->Feed(0, batch.Finish());
  }
  std::vector<std::string> Finish() {
    REQUIRE_STATUS(pipeline->Advance(0, batch::kMaxTimestamp));
    return Rows();
  }
  std::vector<std::string> Rows() {
    auto rows = pipeline->collector->Take(kMainPort);
    std::sort(rows.begin(), rows.end());
    for (std::string& row : rows) {  // without the bounds of the window
      const size_t first = row.find('|');
      row = row.substr(0, first) + row.substr(row.find('|', row.find('|', first + 1) + 1));
    }
    return rows;
  }

  StateHome home;
  std::shared_ptr<const plan::ExecutionPlan> plan;
  std::unique_ptr<WindowPipeline> pipeline;
};

using Lines = std::vector<std::string>;
using Row = Fixture::Row;

TEST_CASE("window: a sum of bigint that does not fit goes the way of on_error",
          "[operator][window]") {
  const std::vector<Row> rows = {{50, kMax}, {50, 1}, {100, kMax}, {100, 5}, {100, -5}};
  for (const char* more : {"c: count(*)", "c: count(distinct n)"}) {  // with partials, and without
    const std::string aggregates = absl::StrCat("s: sum(n), ", more);
    Fixture fail("fail", aggregates);
    REQUIRE_STATUS(fail.Feed(rows));
    const absl::Status status = fail.pipeline->Advance(0, batch::kMaxTimestamp);
    CHECK(absl::IsInvalidArgument(status));
    INFO(status.ToString());
    CHECK(std::string(status.message()).find("sum(n)") != std::string::npos);

    Fixture skip("skip", aggregates);
    REQUIRE_STATUS(skip.Feed(rows));
    CHECK(skip.Finish() ==
          Lines{absl::StrCat("1|", kMax, "|3")});  // in between it may leave the range
    CHECK(skip.pipeline->counters.skipped_rows == 1);

    Fixture route("route", aggregates);
    REQUIRE_STATUS(route.Feed(rows));
    CHECK(route.Finish() == Lines{absl::StrCat("1|", kMax, "|3")});
    const std::vector<std::string> errors = route.pipeline->collector->Take(kErrorsPort);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("half: 2") != std::string::npos);
    CHECK(errors[0].find("s is out of the range of bigint") != std::string::npos);
    CHECK(route.pipeline->counters.error_rows == 1);
  }
}

TEST_CASE("window: sums and averages of decimals up to 38 digits", "[operator][window]") {
  batch::Decimal big = 1;
  for (int i = 0; i < 38; ++i) big *= 10;
  big -= 1;  // 38 nines
  Fixture f("skip", "s: sum(d), a: avg(d)");
  REQUIRE_STATUS(f.Feed({{100, 0, 0, 1},
                         {100, 0, 0, 2},
                         {100, 0, 0, 2},
                         {50, 0, 0, -5},
                         {50, 0, 0, -5},
                         {50, 0, 0, -6}}));
  // Of key 0 the sum does not fit: both leave with it. Of key 4 three sums leave even 128 bits.
  REQUIRE_STATUS(f.Feed(
      {{1000, 0, 0, big}, {1000, 0, 0, 1}, {25, 0, 0, big}, {25, 0, 0, big}, {25, 0, 0, big}}));
  CHECK(f.Finish() == Lines{"1|0.05|0.016667", "2|-0.16|-0.053333"});
  CHECK(f.pipeline->counters.skipped_rows == 2);
}

TEST_CASE("window: a key that cannot be computed", "[operator][window]") {
  for (const char* aggregate : {"c: count(*)", "c: count(distinct n)"}) {
    Fixture fail("fail", aggregate);
    CHECK(absl::IsInvalidArgument(fail.Feed({{0, 1}})));
    Fixture skip("skip", aggregate);
    REQUIRE_STATUS(skip.Feed({{0, 1}, {50, 1}, {0, 1}, {std::nullopt, 1}}));
    CHECK(skip.pipeline->counters.skipped_rows == 2);
    CHECK(skip.Finish() == Lines{"2|1", "NULL|1"});
    Fixture route("route", aggregate);
    REQUIRE_STATUS(route.Feed({{0, 1}, {50, 1}}));
    CHECK(route.pipeline->collector->Take(kErrorsPort).size() == 1);
    CHECK(route.Finish() == Lines{"2|1"});
  }
}

TEST_CASE("window: an argument is not asked for where the filter says no", "[operator][window]") {
  Fixture f("skip", R"y(s: "sum(100 / n) filter (where n <> 0)", t: "max(100 / (n - 1))")y");
  REQUIRE_STATUS(f.Feed({{100, 0}, {100, 50}, {100, 1}}));
  CHECK(f.Finish() == Lines{"1|2|2"});  // the row with n = 1 is out as a whole
  CHECK(f.pipeline->counters.skipped_rows == 1);
}

TEST_CASE("window: NaN is greatest, zeros are one value", "[operator][window]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Fixture f("fail", "low: min(x), high: max(x), different: count(distinct x)");
  REQUIRE_STATUS(
      f.Feed({{100, 0, nan}, {100, 0, 1.5}, {100, 0, -nan}, {50, 0, 0.0}, {50, 0, -0.0}}));
  const Lines rows = f.Finish();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].starts_with("1|1.5|"));
  CHECK(rows[0].ends_with("|2"));
  CHECK(rows[1].ends_with("|1"));
}

TEST_CASE("window: late rows are counted, also behind a local aggregation", "[operator][window]") {
  Fixture f("fail", "c: count(*)", "    allowed_lateness: 5s\n");
  REQUIRE_STATUS(f.Feed({{100, 1, 0, 0, 3 * kSecond}, {50, 1, 0, 0, -3 * kSecond}}));
  REQUIRE_STATUS(f.pipeline->Advance(0, 10 * kSecond - 1));
  CHECK(f.Rows() == Lines{"2|1"});  // [-10, 0)
  REQUIRE_STATUS(f.pipeline->Advance(0, 10 * kSecond));
  CHECK(f.Rows() == Lines{"1|1"});
  // [0, 10) is complete but still counts; [-10, 0) does not any more.
  REQUIRE_STATUS(f.Feed({{100, 1, 0, 0, kSecond}, {100, 1, 0, 0, -kSecond}, {50, 1, 0, 0, -1}}));
  CHECK(f.Rows() == Lines{"1|2"});
  CHECK(f.pipeline->counters.late_rows == 2);
  REQUIRE_STATUS(f.pipeline->Advance(0, 15 * kSecond));
  REQUIRE_STATUS(f.Feed({{100, 1, 0, 0, kSecond}}));
  CHECK(f.pipeline->counters.late_rows == 3);
  CHECK(f.Finish().empty());
}

TEST_CASE("window: results carry the last millisecond of their window", "[operator][window]") {
  Fixture f("fail", "c: count(*)");
  REQUIRE_STATUS(f.Feed({{100, 1, 0, 0, -1}, {100, 1, 0, 0, 0}}));
  REQUIRE_STATUS(f.pipeline->Advance(0, batch::kMaxTimestamp));
  const auto& batches = f.pipeline->collector->batches[kMainPort];
  REQUIRE(batches.size() == 2);  // in order of their windows
  CHECK(batches[0].times()[0] == -1000);
  CHECK(batches[1].times()[0] == 10 * kSecond - 1000);
  CHECK(batches[1].columns[1].at<int64_t>(0) == 0);
  CHECK(batches[1].columns[2].at<int64_t>(0) == 10 * kSecond);
}

}  // namespace
}  // namespace weir::taskmanager
