#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/taskmanager/operator/join/join_model.h"
#include "tests/unit/taskmanager/operator/join/join_pipeline.h"

// A join against every pair of rows, whatever the batches, watermarks, checkpoints, restores and parallelisms.

namespace weir::taskmanager {

/// A join of a job, and what it gives.
struct JoinCase {
  std::shared_ptr<const plan::ExecutionPlan> plan;
  JoinPipeline::Make make;
  std::function<bool(const model::JoinRow&, int64_t watermark)> is_late;
  /// Of the rows of both sides that were not late; sorted.
  std::function<std::vector<std::string>(const std::vector<model::JoinRow>&, const std::vector<model::JoinRow>&)>
      expected;
  std::vector<TableSpec> tables;  // of its state: empty in the end
};

struct JoinShape {
  std::string backend;
  int64_t memory_budget;
  int steps, keys, max_batch;
};

/// Two sources with the columns of JoinRow.
inline std::string JoinSources() {
  const std::string columns =
      ", path: /p, format: {type: json}, schema: {k: bigint, s: string, n: bigint, text: string not null, "
      "ts: timestamp not null}, event_time: {field: ts}}\n";
  return "version: 1\nname: t\nparallelism: 2\nsources:\n  a: {type: file" + columns + "  b: {type: file" + columns;
}

inline model::JoinRow RowOf(int64_t k, const std::string& text, int64_t ts) { return {k, "a", k, text, ts, 0}; }

inline void RunJoin(Rng& rng, const JoinShape& shape, const JoinCase& join) {
  constexpr int64_t kSecond = 1'000'000;
  StateHome home;
  home.backend = shape.backend;
  home.memory_budget = shape.memory_budget;
  const auto open = [&](const PipelineSnapshot* restored) {
    return std::make_unique<JoinPipeline>(join.plan, join.make, &home, 1 + static_cast<int>(rng.Below(4)), restored);
  };
  auto pipeline = open(nullptr);
  std::vector<model::JoinRow> accepted[2];
  std::vector<std::string> emitted;
  int64_t late = 0, late_counted = 0, checkpoint = 0, now = -25 * kSecond;
  const auto collect = [&] {
    for (std::string& row : pipeline->Take()) emitted.push_back(std::move(row));
    late_counted += std::exchange(pipeline->counters.late_rows, 0);
  };
  for (int step = 0; step < shape.steps; ++step) {
    const int side = static_cast<int>(rng.Below(2));
    const uint64_t what = rng.Below(20);
    if (what < 12) {
      std::vector<model::JoinRow> rows;
      const uint64_t count = 1 + rng.Below(rng.Below(4) == 0 ? static_cast<uint64_t>(shape.max_batch) : 6);
      for (uint64_t r = 0; r < count; ++r) {
        model::JoinRow row = model::RandomJoinRow(rng, now, 8 * kSecond, shape.keys);
        if (rng.Below(2) == 0) row.ts -= row.ts % kSecond;  // equal times, and the ends of windows and intervals
        row.seen_at = pipeline->watermark();
        rows.push_back(row);
        if (join.is_late(row, row.seen_at)) {
          ++late;
        } else {
          accepted[side].push_back(std::move(row));
        }
      }
      REQUIRE_STATUS(pipeline->Feed(side, model::MakeBatch(pipeline->schema(side), rows)));
      now += static_cast<int64_t>(rng.Below(kSecond));
    } else if (what < 18) {
      int64_t to = now - 6 * kSecond + static_cast<int64_t>(rng.Below(8 * kSecond));
      if (rng.Below(2) == 0) to -= to % kSecond;
      if (to > pipeline->watermark_of(side)) REQUIRE_STATUS(pipeline->Advance(side, to));
    } else {
      const bool restore = rng.Below(2) == 0;
      const PipelineSnapshot snapshot = pipeline->Checkpoint(++checkpoint, restore || rng.Below(3) > 0);
      collect();
      if (restore) pipeline = open(&snapshot);
    }
  }
  for (int side = 0; side < 2; ++side) REQUIRE_STATUS(pipeline->Advance(side, batch::kMaxTimestamp));
  collect();
  std::sort(emitted.begin(), emitted.end());
  CHECK(emitted == join.expected(accepted[0], accepted[1]));
  CHECK(late_counted == late);
  const PipelineSnapshot end = pipeline->Checkpoint(++checkpoint);
  const auto state = home.Open({0, join.plan->max_parallelism}, end.keyed);
  for (const TableSpec& spec : join.tables) {
    auto table = state->OpenTable(spec);
    REQUIRE_STATUS(table.status());
    CHECK((*table)->Namespaces().empty());
  }
}

}  // namespace weir::taskmanager
