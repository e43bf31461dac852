#include <catch2/catch.hpp>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/operator_harness.h"

// filter, select, union, and what on_error makes of rows that cannot be computed.

namespace weir::taskmanager {
namespace {

/// A plan with a filter and a select behind it.
std::shared_ptr<const plan::ExecutionPlan> PlanWith(const std::string& on_error) {
  return testing::PlanOf(absl::StrCat(
      R"y(
version: 1
name: t
sources:
  src: {type: file, path: /x, format: {type: json}, schema: {a: bigint, b: bigint, s: string, ts: timestamp not null},
        event_time: {field: ts}}
operators:
  keep: {type: filter, input: src, where: a / b > 1, on_error: )y",
      on_error, R"y(}
  pick:
    type: select
    input: keep
    on_error: )y",
      on_error, R"y(
    fields: {a: a, ratio: 100 / (a - 7), number: cast(s as bigint)}
sinks:
  out: {type: print, input: pick}
)y",
      on_error == "route" ? "  errors: {type: print, inputs: [keep.errors, pick.errors]}\n" : ""));
}

struct Fixture {
  explicit Fixture(const std::string& on_error, plan::OperatorKind kind)
      : plan(PlanWith(on_error)) {
    REQUIRE(plan != nullptr);
    op = MakeOperator(kind);
    planned = &OperatorOf(*plan, kind);
    OperatorContext context;
    context.plan = planned;
    context.execution_plan = plan.get();
    context.counters = &counters;
    REQUIRE_STATUS(op->Open(context));
  }
  struct Row {
    std::optional<int64_t> a, b;
    std::optional<std::string> s;
  };
  absl::Status Feed(const std::vector<Row>& rows) {
    BatchOf batch(planned->input, static_cast<int64_t>(rows.size()));
    batch.Set<int64_t>("a", [&](int64_t i) { return rows[static_cast<size_t>(i)].a; });
    batch.Set<int64_t>("b", [&](int64_t i) { return rows[static_cast<size_t>(i)].b; });
    batch.Set<std::string>("s", [&](int64_t i) { return rows[static_cast<size_t>(i)].s; });
    batch.Set<int64_t>("ts", [&](int64_t i) { return std::optional(i); });
    batch.SetTimes([](int64_t i) { return 1000 + i; });
    return op->Process(batch.Finish(), output);
  }
  /// Event times of the rows on the main port.
  std::vector<int64_t> Times() {
    std::vector<int64_t> times;
    for (const batch::Batch& batch : output.batches[kMainPort]) {
      REQUIRE(batch.times() != nullptr);
      times.insert(times.end(), batch.times(), batch.times() + batch.rows);
    }
    return times;
  }

  std::shared_ptr<const plan::ExecutionPlan> plan;
  const plan::PlanOperator* planned;
  OperatorCounters counters;
  Collector output;
  OperatorPtr op;
};

using Lines = std::vector<std::string>;

TEST_CASE("filter: keeps what is TRUE, with its event times", "[operator][basic]") {
  Fixture f("fail", plan::OperatorKind::kFilter);
  REQUIRE_STATUS(
      f.Feed({{10, 2, "x"}, {1, 2, "y"}, {std::nullopt, 1, "n"}, {-9, -3, std::nullopt}}));
  CHECK(f.Times() == std::vector<int64_t>{1000, 1003});
  CHECK(f.output.batches[kMainPort].size() == 1);
  REQUIRE_STATUS(f.Feed({{1, 1, "none is kept"}}));  // and no empty batch is sent
  CHECK(f.output.batches[kMainPort].size() == 1);
}

TEST_CASE("filter: on_error fail names node, expression and row, and is the user's",
          "[operator][basic]") {
  Fixture f("fail", plan::OperatorKind::kFilter);
  const absl::Status status = f.Feed({{10, 2, "x"}, {5, 0, "broken one"}});
  CHECK(absl::IsInvalidArgument(status));
  const std::string message(status.message());
  for (const char* part : {"keep", "division by zero", "a / b > 1", "broken one"}) {
    INFO(message);
    CHECK(message.find(part) != std::string::npos);
  }
}

TEST_CASE("filter: on_error skip counts, route sends raw, error and origin", "[operator][basic]") {
  Fixture skip("skip", plan::OperatorKind::kFilter);
  REQUIRE_STATUS(skip.Feed({{5, 0, "x"}, {10, 2, "y"}, {6, 0, "z"}}));
  CHECK(skip.Times() == std::vector<int64_t>{1001});
  CHECK(skip.counters.skipped_rows == 2);
  CHECK(skip.output.batches[kErrorsPort].empty());

  Fixture route("route", plan::OperatorKind::kFilter);
  REQUIRE_STATUS(
      route.Feed({{5, 0, "x"}, {10, 2, "y"}, {6, 0, "a text of more than twelve bytes"}}));
  CHECK(route.Times() == std::vector<int64_t>{1001});
  CHECK(route.counters.error_rows == 2);
  REQUIRE(route.output.batches[kErrorsPort].size() == 1);
  const batch::Batch& errors = route.output.batches[kErrorsPort][0];
  CHECK(*errors.schema == *plan::ErrorsSchema());
  CHECK(errors.columns[0].text(1) ==
        "{a: 6, b: 0, s: \"a text of more than twelve bytes\", ts: 1970-01-01 00:00:00.000002}");
  CHECK(errors.columns[1].text(0).find("division by zero") != std::string_view::npos);
  CHECK(errors.columns[2].text(0) == "keep: a / b > 1");
}

TEST_CASE("select: a row with errors in several fields is in error once", "[operator][basic]") {
  Fixture f("route", plan::OperatorKind::kSelect);
  REQUIRE_STATUS(f.Feed(
      {{8, 1, "12"}, {7, 1, "no number"}, {9, 1, "bad"}, {7, 1, "3"}, {5, 1, std::nullopt}}));
  CHECK(f.Times() == std::vector<int64_t>{1000, 1004});
  CHECK(f.output.Take(kMainPort) == Lines{"8|100|12", "5|-50|NULL"});
  CHECK(f.counters.error_rows == 3);
  CHECK(f.output.Take(kErrorsPort).size() == 3);
  REQUIRE_STATUS(f.Feed({{7, 1, "1"}}));  // none is left: no empty batch
  CHECK(f.output.batches[kMainPort].empty());
}

TEST_CASE("select: on_error skip and fail", "[operator][basic]") {
  Fixture skip("skip", plan::OperatorKind::kSelect);
  REQUIRE_STATUS(skip.Feed({{7, 1, "x"}, {8, 1, "1"}}));
  CHECK(skip.output.Take(kMainPort) == Lines{"8|100|1"});
  CHECK(skip.counters.skipped_rows == 1);
  Fixture fail("fail", plan::OperatorKind::kSelect);
  CHECK(absl::IsInvalidArgument(fail.Feed({{8, 1, "1"}, {8, 1, "x"}})));
}

TEST_CASE("union: passes rows on under its own schema", "[operator][basic]") {
  Fixture f("route", plan::OperatorKind::kUnion);  // made for the sink's two inputs
  batch::Batch batch;
  auto schema = std::make_shared<batch::Schema>(*plan::ErrorsSchema());
  schema->fields[0].type.nullable = !schema->fields[0].type.nullable;
  batch.schema = schema;
  batch.rows = 3;
  for (const batch::Field& field : schema->fields)
    batch.columns.push_back(batch::Column::Null(field.type, 3));
  REQUIRE_STATUS(f.op->Process(batch, f.output));
  REQUIRE(f.output.batches[kMainPort].size() == 1);
  CHECK(f.output.batches[kMainPort][0].schema == f.planned->output);
  CHECK(f.output.batches[kMainPort][0].rows == 3);
}

TEST_CASE("RowsWithout: the complement, at both ends too", "[operator][basic]") {
  CHECK(RowsWithout(4, {}) == std::vector<uint32_t>{0, 1, 2, 3});
  CHECK(RowsWithout(4, {0, 3}) == std::vector<uint32_t>{1, 2});
  CHECK(RowsWithout(2, {0, 1}).empty());
}

}  // namespace
}  // namespace weir::taskmanager
