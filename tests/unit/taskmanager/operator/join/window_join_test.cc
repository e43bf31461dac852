#include <numeric>

#include "absl/strings/str_cat.h"
#include "tests/unit/taskmanager/operator/join/join_run.h"

// window_join against every pair of rows, whatever the batches, watermarks, checkpoints, restores and parallelisms.

namespace weir::taskmanager {
namespace {

using model::JoinRow;
constexpr int64_t kSecond = 1'000'000;

struct Job {
  int64_t size, slide;
  std::string type;
  const model::KeySet* keys;
  bool one_side() const { return type == "semi" || type == "anti"; }
};

std::string Yaml(const Job& job, const std::string& fields = "", const std::string& more = "") {
  std::string all = fields;
  if (all.empty()) {
    all = "ln: a.n, lt: a.text, ls: a.s";
    if (!job.one_side()) all += ", rn: b.n, rt: b.text, rs: b.s";
    all += ", window_start: window_start, bound: window_end";
  }
  return absl::StrCat(JoinSources(),
                      "operators:\n  j:\n    type: window_join\n    left: a\n    right: b\n    on: ", job.keys->on,
                      "\n    window: {tumbling: ", job.size, "s}\n    join: ", job.type, "\n", more,
                      "    fields: {", all, "}\n",
                      "sinks:\n  out: {type: print, input: j}\n");
}

/// The plan of `job`. The slide is put in here: the operator knows more than the front end allows (slides that do not
/// divide the size).
std::shared_ptr<const plan::ExecutionPlan> PlanFor(const Job& job, const std::string& fields = "",
                                                   const std::string& more = "") {
  const std::string yaml = Yaml(job, fields, more);
  INFO(yaml);
  const auto plan = testing::PlanOf(yaml);
  REQUIRE(plan != nullptr);
  auto changed = std::make_shared<plan::ExecutionPlan>(*plan);
  for (plan::Task& task : changed->tasks) {
    for (plan::PlanOperator& op : task.operators) {
      if (!op.join) continue;
      op.join->slide = job.slide * kSecond;
      op.join->slice = std::gcd(job.size, job.slide) * kSecond;
    }
  }
  return changed;
}

std::string TimeText(int64_t t) { return batch::TimestampToString(t); }

/// What the job gives for the rows that were not late.
std::vector<std::string> Expected(const Job& job, const std::vector<JoinRow>& left,
                                  const std::vector<JoinRow>& right) {
  std::vector<std::string> out;
  const int64_t size = job.size * kSecond, slide = job.slide * kSecond;
  std::map<int64_t, std::array<std::vector<const JoinRow*>, 2>> windows;
  for (size_t side = 0; side < 2; ++side) {
    for (const JoinRow& row : side == 0 ? left : right) {
      int64_t start = row.ts - ((row.ts % slide) + slide) % slide;
      for (; start + size > row.ts; start -= slide) {
        if (start + size > row.seen_at) windows[start][side].push_back(&row);
      }
    }
  }
  for (const auto& [start, sides] : windows) {
    const std::string bounds = "|" + TimeText(start) + "|" + TimeText(start + size);
    std::vector<bool> right_matched(sides[1].size());
    for (const JoinRow* l : sides[0]) {
      bool matched = false;
      for (size_t r = 0; r < sides[1].size(); ++r) {
        const auto a = job.keys->left(*l), b = job.keys->right(*sides[1][r]);
        if (!a || !b || *a != *b) continue;
        matched = right_matched[r] = true;
        if (!job.one_side()) out.push_back(model::Show(l) + "|" + model::Show(sides[1][r]) + bounds);
      }
      if (job.type == "semi" ? matched : job.type == "anti" && !matched) out.push_back(model::Show(l) + bounds);
      if (!matched && (job.type == "left" || job.type == "full")) {
        out.push_back(model::Show(l) + "|" + model::Show(nullptr) + bounds);
      }
    }
    if (job.type != "right" && job.type != "full") continue;
    for (size_t r = 0; r < sides[1].size(); ++r) {
      if (!right_matched[r]) out.push_back(model::Show(nullptr) + "|" + model::Show(sides[1][r]) + bounds);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool IsLate(const Job& job, const JoinRow& row, int64_t watermark) {
  const int64_t slide = job.slide * kSecond;
  const int64_t start = row.ts - ((row.ts % slide) + slide) % slide;  // of its last window
  return start + job.size * kSecond <= watermark;
}

std::unique_ptr<JoinPipeline> Open(const std::shared_ptr<const plan::ExecutionPlan>& plan, StateHome* home,
                                   int receivers) {
  return std::make_unique<JoinPipeline>(
      plan, [] { return std::make_unique<WindowJoinOperator>(); }, home, receivers, nullptr);
}

void Run(uint64_t seed, const JoinShape& shape) {
  Rng rng(seed);
  static const std::vector<std::pair<int64_t, int64_t>> kWindows = {{10, 10}, {10, 5}, {6, 4}, {3, 1}, {1, 1}};
  static const std::vector<std::string> kTypes = {"inner", "left", "right", "full", "semi", "anti"};
  const auto& [size, slide] = kWindows[rng.Below(kWindows.size())];
  const Job job{size, slide, kTypes[rng.Below(kTypes.size())],
                &model::JoinKeySets()[rng.Below(model::JoinKeySets().size())]};
  INFO("seed " << seed << ", slide " << job.slide << "\n" << Yaml(job));
  RunJoin(rng, shape,
          {PlanFor(job), [] { return std::make_unique<WindowJoinOperator>(); },
           [&](const JoinRow& row, int64_t watermark) { return IsLate(job, row, watermark); },
           [&](const auto& left, const auto& right) { return Expected(job, left, right); },
           {{"pages", 0, true}, {"counts", 8, false}}});
}

TEST_CASE("window_join: random jobs agree with the model, state in memory", "[operator][join]") {
  for (uint64_t seed = 1; seed <= 120; ++seed) Run(seed, {"memory", int64_t{64} << 20, 60, 8, 40});
}

TEST_CASE("window_join: random jobs agree with the model, state that does not fit in memory", "[operator][join]") {
  for (uint64_t seed = 1001; seed <= 1010; ++seed) Run(seed, {"rocksdb", 24 << 10, 40, 200, 400});
}

TEST_CASE("window_join: one key with very many partners is emitted batch by batch", "[operator][join]") {
  const Job job{10, 10, "inner", &model::JoinKeySets()[0]};
  const auto plan = PlanFor(job, "t: a.text, u: b.text");
  StateHome home;
  auto pipeline = Open(plan, &home, 2);
  // Long texts: one key group has many pages on both sides.
  for (int side = 0; side < 2; ++side) {
    std::vector<JoinRow> rows;
    for (int i = 0; i < 300; ++i) rows.push_back(RowOf(1, std::string(100, 'y') + std::to_string(i), i));
    REQUIRE_STATUS(pipeline->Feed(side, model::MakeBatch(pipeline->schema(side), rows)));
  }
  for (int side = 0; side < 2; ++side) REQUIRE_STATUS(pipeline->Advance(side, 10 * kSecond));
  CHECK(pipeline->steps >= 300 * 300 / batch::Batch::kMaxRows);
  std::vector<std::string> rows = pipeline->Take();
  CHECK(rows.size() == 300 * 300);
  std::sort(rows.begin(), rows.end());
  CHECK(std::unique(rows.begin(), rows.end()) == rows.end());
}

TEST_CASE("window_join: results carry the last millisecond of their window", "[operator][join]") {
  const Job job{10, 10, "full", &model::JoinKeySets()[0]};
  const auto plan = PlanFor(job);
  StateHome home;
  auto pipeline = Open(plan, &home, 1);
  REQUIRE_STATUS(pipeline->Feed(0, model::MakeBatch(pipeline->schema(0), {RowOf(1, "l", -1), RowOf(2, "l", 0)})));
  REQUIRE_STATUS(pipeline->Feed(1, model::MakeBatch(pipeline->schema(1), {RowOf(3, "r", 0)})));
  REQUIRE_STATUS(pipeline->Advance(0, batch::kMaxTimestamp));
  CHECK(pipeline->collector.batches[kMainPort].empty());  // the right side may still send
  REQUIRE_STATUS(pipeline->Advance(1, batch::kMaxTimestamp));
  const auto& batches = pipeline->collector.batches[kMainPort];
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].times()[0] == -1000);
  CHECK(batches[1].rows == 2);
  CHECK(batches[1].times()[1] == 10 * kSecond - 1000);
}

TEST_CASE("window_join: of a semi join's right side one row a key is kept", "[operator][join]") {
  const Job job{10, 10, "semi", &model::JoinKeySets()[0]};
  const auto plan = PlanFor(job);
  StateHome home;
  auto pipeline = Open(plan, &home, 1);
  std::vector<JoinRow> rows;
  for (int i = 0; i < 4000; ++i) rows.push_back(RowOf(i % 4, "r", i));
  for (int repeat = 0; repeat < 50; ++repeat) {
    REQUIRE_STATUS(pipeline->Feed(1, model::MakeBatch(pipeline->schema(1), rows)));
  }
  CHECK(pipeline->state_bytes() < 20'000);
  REQUIRE_STATUS(pipeline->Feed(0, model::MakeBatch(pipeline->schema(0), {RowOf(3, "l", 5), RowOf(4, "m", 5)})));
  for (int side = 0; side < 2; ++side) REQUIRE_STATUS(pipeline->Advance(side, 10 * kSecond));
  const std::vector<std::string> results = pipeline->Take();
  REQUIRE(results.size() == 1);
  CHECK(results[0].starts_with("3|l|"));
}

TEST_CASE("window_join: a barrier writes what has come since the last one", "[operator][join]") {
  const Job job{10, 10, "inner", &model::JoinKeySets()[0]};
  const auto plan = PlanFor(job);
  StateHome home;
  auto pipeline = Open(plan, &home, 1);
  auto feed = [&](int64_t rows) {
    std::vector<JoinRow> batch;
    for (int64_t i = 0; i < rows; ++i) batch.push_back(RowOf(i % 1000, std::string(100, 'z'), i % 1000));
    REQUIRE_STATUS(pipeline->Feed(0, model::MakeBatch(pipeline->schema(0), batch)));
  };
  for (int i = 0; i < 10; ++i) feed(4000);
  pipeline->Checkpoint(1);
  CHECK(pipeline->bytes_written > 40'000 * 100);
  pipeline->bytes_written = 0;
  feed(100);
  pipeline->Checkpoint(2);
  CHECK(pipeline->bytes_written < 100 * 300);
  pipeline->bytes_written = 0;
  pipeline->Checkpoint(3);
  CHECK(pipeline->bytes_written < 1000);
}

TEST_CASE("window_join: a row whose key cannot be computed goes the way of on_error", "[operator][join]") {
  model::KeySet keys = model::JoinKeySets()[0];
  keys.on = "{100 / n: k}";
  const Job job{10, 10, "inner", &keys};
  std::vector<JoinRow> rows = {RowOf(0, "bad", 1), RowOf(50, "good", 1)};
  for (const bool skip : {false, true}) {
    const auto plan = PlanFor(job, "", skip ? "    on_error: skip\n" : "");
    StateHome home;
    auto pipeline = Open(plan, &home, 1);
    const absl::Status status = pipeline->Feed(0, model::MakeBatch(pipeline->schema(0), rows));
    if (!skip) {
      CHECK(absl::IsInvalidArgument(status));
      continue;
    }
    REQUIRE_STATUS(status);
    CHECK(pipeline->counters.skipped_rows == 1);
    REQUIRE_STATUS(pipeline->Feed(1, model::MakeBatch(pipeline->schema(1), {RowOf(2, "r", 2)})));
    for (int side = 0; side < 2; ++side) REQUIRE_STATUS(pipeline->Advance(side, 10 * kSecond));
    CHECK(pipeline->Take().size() == 1);
  }
}

TEST_CASE("window_join: a field that cannot be computed goes the way of on_error", "[operator][join]") {
  const Job job{10, 10, "left", &model::JoinKeySets()[0]};
  const auto plan = PlanFor(job, "t: a.text, q: 100 / a.n, r: b.n", "    on_error: skip\n");
  StateHome home;
  auto pipeline = Open(plan, &home, 1);
  REQUIRE_STATUS(pipeline->Feed(0, model::MakeBatch(pipeline->schema(0), {RowOf(0, "bad", 1), RowOf(50, "good", 1)})));
  for (int side = 0; side < 2; ++side) REQUIRE_STATUS(pipeline->Advance(side, 10 * kSecond));
  CHECK(pipeline->Take() == std::vector<std::string>{"good|2|NULL"});
  CHECK(pipeline->counters.skipped_rows == 1);
}

TEST_CASE("window_join: every key group has a key of its own", "[operator][join]") {
  for (const int groups : {1, 7, 128, 4096}) {
    const std::vector<std::string> keys = KeysOfGroups(groups);
    for (int g = 0; g < groups; ++g) {
      REQUIRE(batch::KeyGroupOf(batch::HashKey(keys[static_cast<size_t>(g)]), groups) == g);
    }
  }
}

}  // namespace
}  // namespace weir::taskmanager
