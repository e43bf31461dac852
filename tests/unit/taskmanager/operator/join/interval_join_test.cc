#include "absl/strings/str_cat.h"
#include "taskmanager/operator/join/interval_join_operator.h"
#include "tests/unit/taskmanager/operator/join/join_run.h"

// interval_join against every pair of rows, whatever the batches, watermarks, checkpoints, restores and parallelisms.

namespace weir::taskmanager {
namespace {

using model::JoinRow;
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMilli = 1000;

struct Job {
  int64_t before_ms, after_ms;
  std::string type;
  const model::KeySet* keys;
};

std::shared_ptr<const plan::ExecutionPlan> PlanFor(const Job& job) {
  const std::string yaml = absl::StrCat(
      JoinSources(),
      "operators:\n  j:\n    type: interval_join\n    left: a\n    right: b\n    on: ", job.keys->on,
      "\n    within: {before: ", job.before_ms, "ms, after: ", job.after_ms, "ms}\n    join: ", job.type,
      "\n    fields: {ln: a.n, lt: a.text, ls: a.s, rn: b.n, rt: b.text, rs: b.s}\n",
      "sinks:\n  out: {type: print, input: j}\n");
  INFO(yaml);
  const auto plan = testing::PlanOf(yaml);
  REQUIRE(plan != nullptr);
  return plan;
}

std::vector<std::string> Expected(const Job& job, const std::vector<JoinRow>& left,
                                  const std::vector<JoinRow>& right) {
  std::vector<std::string> out;
  for (const JoinRow& l : left) {
    const auto key = job.keys->left(l);
    bool matched = false;
    for (const JoinRow& r : right) {
      if (!key || job.keys->right(r) != key) continue;
      if (r.ts < l.ts - job.before_ms * kMilli || r.ts > l.ts + job.after_ms * kMilli) continue;
      matched = true;
      out.push_back(model::Show(&l) + "|" + model::Show(&r));
    }
    if (!matched && job.type == "left") out.push_back(model::Show(&l) + "|" + model::Show(nullptr));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::unique_ptr<JoinPipeline> Open(const std::shared_ptr<const plan::ExecutionPlan>& plan, StateHome* home,
                                   int receivers, const PipelineSnapshot* restored = nullptr) {
  return std::make_unique<JoinPipeline>(
      plan, [] { return std::make_unique<IntervalJoinOperator>(); }, home, receivers, restored);
}

void Run(uint64_t seed, const JoinShape& shape) {
  Rng rng(seed);
  static const std::vector<std::pair<int64_t, int64_t>> kIntervals = {
      {5000, 3000}, {0, 4000}, {2500, 0}, {0, 0}, {1, 1}};
  const auto& [before, after] = kIntervals[rng.Below(kIntervals.size())];
  const Job job{before, after, rng.Below(2) == 0 ? "inner" : "left",
                &model::JoinKeySets()[rng.Below(model::JoinKeySets().size())]};
  INFO("seed " << seed << ", before " << before << " after " << after << " " << job.type << " on " << job.keys->on);
  RunJoin(rng, shape,
          {PlanFor(job), [] { return std::make_unique<IntervalJoinOperator>(); },
           [](const JoinRow& row, int64_t watermark) { return row.ts < watermark; },
           [&](const auto& left, const auto& right) { return Expected(job, left, right); },
           {{"left", 4, true}, {"right", 4, true}}});
}

TEST_CASE("interval_join: random jobs agree with the model, state in memory", "[operator][join]") {
  for (uint64_t seed = 1; seed <= 120; ++seed) Run(seed, {"memory", int64_t{64} << 20, 60, 8, 40});
}

TEST_CASE("interval_join: random jobs agree with the model, state that does not fit in memory", "[operator][join]") {
  for (uint64_t seed = 1001; seed <= 1010; ++seed) Run(seed, {"rocksdb", 24 << 10, 40, 100, 300});
}

TEST_CASE("interval_join: a result is there as soon as both rows are, with the later time", "[operator][join]") {
  const Job job{2000, 1000, "inner", &model::JoinKeySets()[0]};
  const auto plan = PlanFor(job);
  StateHome home;
  auto pipeline = Open(plan, &home, 1);
  REQUIRE_STATUS(pipeline->Feed(0, model::MakeBatch(pipeline->schema(0), {RowOf(1, "l", 10 * kSecond)})));
  // Both ends belong to the interval, and nothing beyond.
  REQUIRE_STATUS(pipeline->Feed(
      1, model::MakeBatch(pipeline->schema(1), {RowOf(1, "from", 8 * kSecond), RowOf(1, "before", 8 * kSecond - 1),
                                                RowOf(1, "to", 11 * kSecond), RowOf(1, "behind", 11 * kSecond + 1)})));
  const auto& batches = pipeline->collector.batches[kMainPort];
  REQUIRE(batches.size() == 1);
  REQUIRE(batches[0].rows == 2);
  CHECK(batches[0].columns[4].text(0) == "from");
  CHECK(batches[0].times()[0] == 10 * kSecond);
  CHECK(batches[0].columns[4].text(1) == "to");
  CHECK(batches[0].times()[1] == 11 * kSecond);
}

TEST_CASE("interval_join: a key with many rows", "[operator][join]") {
  for (const char* type : {"inner", "left"}) {
    const Job job{60'000, 60'000, type, &model::JoinKeySets()[0]};
    const auto plan = PlanFor(job);
    StateHome home;
    auto pipeline = Open(plan, &home, 2);
    // Many full chunks, and many barriers between them.
    for (int part = 0; part < 10; ++part) {
      std::vector<JoinRow> rows;
      for (int i = 0; i < 300; ++i) rows.push_back(RowOf(7, std::string(40, 'y') + std::to_string(part * 300 + i), i));
      REQUIRE_STATUS(pipeline->Feed(0, model::MakeBatch(pipeline->schema(0), rows)));
      const PipelineSnapshot snapshot = pipeline->Checkpoint(part + 1);
      if (part % 3 == 0) pipeline = Open(plan, &home, 1 + part % 2, &snapshot);
    }
    REQUIRE_STATUS(pipeline->Feed(
        1, model::MakeBatch(pipeline->schema(1), {RowOf(7, "r", 5), RowOf(7, "s", 6), RowOf(8, "none", 6)})));
    for (int side = 0; side < 2; ++side) REQUIRE_STATUS(pipeline->Advance(side, batch::kMaxTimestamp));
    std::vector<std::string> rows = pipeline->Take();
    CHECK(rows.size() == 2 * 3000);  // all are matched: none leaves alone
    std::sort(rows.begin(), rows.end());
    CHECK(std::unique(rows.begin(), rows.end()) == rows.end());
  }
}

TEST_CASE("interval_join: rows go when nothing can match them any more", "[operator][join]") {
  const Job job{2000, 1000, "inner", &model::JoinKeySets()[0]};
  const auto plan = PlanFor(job);
  StateHome home;
  auto pipeline = Open(plan, &home, 1);
  int64_t most = 0;
  for (int64_t second = 0; second < 100; ++second) {
    std::vector<JoinRow> rows;
    for (int i = 0; i < 200; ++i) rows.push_back(RowOf(i, std::string(50, 'z'), second * kSecond + i));
    for (int side = 0; side < 2; ++side) {
      REQUIRE_STATUS(pipeline->Feed(side, model::MakeBatch(pipeline->schema(side), rows)));
      REQUIRE_STATUS(pipeline->Advance(side, second * kSecond));
    }
    if (second == 20) most = pipeline->state_bytes();
    if (second > 20) REQUIRE(pipeline->state_bytes() <= most * 3 / 2);
  }
}

}  // namespace
}  // namespace weir::taskmanager
