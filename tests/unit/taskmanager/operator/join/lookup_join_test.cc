#include "taskmanager/operator/join/lookup_join_operator.h"

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "tests/unit/taskmanager/operator/join/join_model.h"

// lookup_join against a table looked through row by row.

namespace weir::taskmanager {
namespace {

using model::JoinRow;

struct TableRow {
  std::optional<int64_t> key;
  std::optional<std::string> name;
  std::optional<std::string> value;
};

std::shared_ptr<const plan::ExecutionPlan> PlanFor(const std::string& on, const std::string& type,
                                                   const std::string& more = "", const std::string& fields = "") {
  const std::string yaml = absl::StrCat(
      "version: 1\nname: t\nparallelism: 2\nsources:\n  a: {type: file, path: /a, format: {type: json}, schema: "
      "{k: bigint, s: string, n: bigint, text: string not null, ts: timestamp not null}, event_time: {field: ts}}\n"
      "operators:\n  j:\n    type: lookup_join\n    input: a\n    table: {path: /t.json, format: json, schema: {key: "
      "bigint, name: string, value: string}",
      more, "}\n    on: ", on, "\n    join: ", type,
      "\n    on_error: skip\n    fields: {", fields.empty() ? "n: a.n, text: a.text, value: table.value" : fields,
      "}\nsinks:\n  out: {type: print, input: j}\n");
  INFO(yaml);
  const auto plan = testing::PlanOf(yaml);
  REQUIRE(plan != nullptr);
  return plan;
}

batch::Batch Table(const batch::SchemaPtr& schema, const std::vector<TableRow>& rows) {
  BatchOf batch(schema, static_cast<int64_t>(rows.size()));
  batch.Set<int64_t>("key", [&](int64_t r) { return rows[static_cast<size_t>(r)].key; });
  batch.Set<std::string>("name", [&](int64_t r) { return rows[static_cast<size_t>(r)].name; });
  batch.Set<std::string>("value", [&](int64_t r) { return rows[static_cast<size_t>(r)].value; });
  return batch.Finish();
}

/// The operator with its table, opened.
struct Lookup {
  Lookup(std::shared_ptr<const plan::ExecutionPlan> made, const std::vector<TableRow>& rows) : plan(std::move(made)) {
    op = &OperatorOf(*plan, plan::OperatorKind::kLookupJoin);
    join = std::make_unique<LookupJoinOperator>(Table(op->lookup->table, rows), "digest");
    REQUIRE_STATUS(join->Open(Context()));
  }
  OperatorContext Context() {
    OperatorContext context;
    context.plan = op;
    context.execution_plan = plan.get();
    context.counters = &counters;
    return context;
  }
  std::vector<std::string> Process(const std::vector<JoinRow>& rows) {
    REQUIRE_STATUS(join->Process(model::MakeBatch(op->input, rows), collector));
    return collector.Take(kMainPort);
  }
  std::shared_ptr<const plan::ExecutionPlan> plan;
  const plan::PlanOperator* op = nullptr;
  std::unique_ptr<LookupJoinOperator> join;
  OperatorCounters counters;
  Collector collector;
};

TEST_CASE("lookup_join: random tables agree with a search through all rows", "[operator][join]") {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    Rng rng(seed);
    INFO("seed " << seed);
    // Keys that lie close together, keys that do not, and two columns.
    const int how = static_cast<int>(rng.Below(3));
    const std::string on = how == 2 ? "{k: key, s: name}" : "{k: key}";
    const bool left = rng.Below(2) == 0;
    auto key = [&]() -> std::optional<int64_t> {
      if (rng.Below(8) == 0) return std::nullopt;
      const auto n = static_cast<int64_t>(rng.Below(30)) - 10;
      return how == 1 ? n * 1'000'000'007 : n;
    };
    std::vector<TableRow> table;
    for (uint64_t i = rng.Below(40); i > 0; --i) {
      table.push_back({key(), rng.Below(2) == 0 ? "a" : "b", std::string(rng.Below(20), 'v') + std::to_string(i)});
      if (rng.Below(10) == 0) table.back().value.reset();
    }
    Lookup lookup(PlanFor(on, left ? "left" : "inner"), table);
    for (int b = 0; b < 3; ++b) {
      std::vector<JoinRow> rows;
      for (uint64_t i = 1 + rng.Below(50); i > 0; --i) {
        rows.push_back(model::RandomJoinRow(rng, 0, 100, 10));
        rows.back().k = key();
        rows.back().s = rng.Below(2) == 0 ? "a" : "b";
      }
      std::vector<std::string> expected;
      for (const JoinRow& row : rows) {
        bool matched = false;
        for (const TableRow& t : table) {
          if (!row.k || !t.key || *row.k != *t.key || (how == 2 && *row.s != *t.name)) continue;
          matched = true;
          expected.push_back(model::Show(row.n) + "|" + row.text + "|" + t.value.value_or("NULL"));
        }
        if (!matched && left) expected.push_back(model::Show(row.n) + "|" + row.text + "|NULL");
      }
      CHECK(lookup.Process(rows) == expected);  // in the order of the rows, and of the table
    }
  }
}

JoinRow RowOf(int64_t k, const std::string& text) { return {k, "a", k, text, 1000 + k, 0}; }

TEST_CASE("lookup_join: event times go with their rows", "[operator][join]") {
  Lookup lookup(PlanFor("{k % 10: key}", "inner"), {{1, "a", "x"}, {2, "b", "y"}, {2, "b", "z"}});
  batch::Batch batch = model::MakeBatch(lookup.op->input, {RowOf(1, "l"), RowOf(5, "m"), RowOf(12, "n")});
  REQUIRE_STATUS(lookup.join->Process(batch, lookup.collector));
  const auto& batches = lookup.collector.batches[kMainPort];
  REQUIRE(batches.size() == 1);
  REQUIRE(batches[0].rows == 3);
  CHECK(batches[0].times()[0] == 1001);
  CHECK(batches[0].times()[1] == 1012);
  CHECK(batches[0].times()[2] == 1012);
  CHECK(lookup.collector.Take(kMainPort) == std::vector<std::string>{"1|l|x", "12|n|y", "12|n|z"});
}

TEST_CASE("lookup_join: a key with very many rows in the table", "[operator][join]") {
  std::vector<TableRow> table;
  for (int i = 0; i < 5000; ++i) table.push_back({1, "a", std::to_string(i)});
  Lookup lookup(PlanFor("{k: key}", "inner"), table);
  CHECK(lookup.Process({RowOf(1, "l"), RowOf(2, "m"), RowOf(1, "n")}).size() == 10'000);
}

TEST_CASE("lookup_join: an empty table", "[operator][join]") {
  CHECK(Lookup(PlanFor("{k: key}", "inner"), {}).Process({RowOf(1, "l")}).empty());
  CHECK(Lookup(PlanFor("{k: key}", "left"), {}).Process({RowOf(1, "l")}) == std::vector<std::string>{"1|l|NULL"});
}

TEST_CASE("lookup_join: rows that cannot be computed go the way of on_error", "[operator][join]") {
  Lookup keys(PlanFor("{100 / n: key}", "inner"), {{2, "a", "x"}});
  CHECK(keys.Process({RowOf(0, "l"), RowOf(50, "m")}) == std::vector<std::string>{"50|m|x"});
  CHECK(keys.counters.skipped_rows == 1);
  Lookup fields(PlanFor("{k: key}", "inner", "", "text: a.text, q: 100 / a.n"), {{0, "a", "x"}, {50, "a", "x"}});
  CHECK(fields.Process({RowOf(0, "l"), RowOf(50, "m")}) == std::vector<std::string>{"m|2"});
  CHECK(fields.counters.skipped_rows == 1);
}

TEST_CASE("lookup_join: a restore with another table is refused, or wanted", "[operator][join]") {
  for (const bool reload : {false, true}) {
    Lookup first(PlanFor("{k: key}", "inner", reload ? ", on_change: reload" : ""), {{1, "a", "x"}});
    auto snapshot = first.join->Snapshot(CheckpointId(1));
    REQUIRE_STATUS(snapshot.status());
    auto written = (*snapshot)->Run();
    REQUIRE_STATUS(written.status());
    CHECK(written->node == "j");
    for (const std::string digest : {"digest", "another"}) {
      OperatorContext context = first.Context();
      context.is_restore = true;
      context.restored = {*written, *written};
      LookupJoinOperator again(Table(first.op->lookup->table, {{1, "a", "x"}}), digest);
      const absl::Status status = again.Open(context);
      INFO(status);
      if (digest == "digest" || reload) {
        CHECK(status.ok());
      } else {
        CHECK(absl::IsFailedPrecondition(status));
        CHECK(std::string(status.message()).starts_with("LOOKUP_TABLE_CHANGED"));
      }
    }
  }
}

}  // namespace
}  // namespace weir::taskmanager
