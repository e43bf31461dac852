#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taskmanager/operator/rank/rank_operators.h"
#include "tests/unit/taskmanager/operator/window_pipeline.h"

namespace weir::taskmanager {

constexpr int64_t kSecond = 1'000'000;

/// A row of the jobs below.
struct RankRow {
  std::optional<int64_t> k;
  std::optional<int64_t> v;
  std::string s;
  int64_t ts = 0;
};

/// One operator of rank/ in one subtask, with state, checkpoints and restores; without a cluster.
class RankRun {
 public:
  /// `node`: what follows `type:` of the operator `r`.
  explicit RankRun(const std::string& node, plan::OperatorKind kind, const std::string& backend = "memory",
                   int parallelism = 1) {
    home_.backend = backend;
    plan_ = testing::PlanOf(
        "version: 1\nname: t\nparallelism: " + std::to_string(parallelism) +
        "\nsources:\n  src: {type: file, path: /x, format: {type: json}, schema: {k: bigint, v: bigint, s: string not "
        "null,\n        ts: timestamp not null}, event_time: {field: ts}}\noperators:\n  r: {input: src, " +
        node + "}\nsinks:\n  out: {type: print, input: r}\n");
    REQUIRE(plan_ != nullptr);
    op_plan_ = &OperatorOf(*plan_, kind);
    Open({}, batch::kMinTimestamp, false);
  }

  absl::Status TryFeed(const std::vector<RankRow>& rows) {
    BatchOf batch(op_plan_->input, static_cast<int64_t>(rows.size()));
    auto at = [&](int64_t i) -> const RankRow& { return rows[static_cast<size_t>(i)]; };
    batch.Set<int64_t>("k", [&](int64_t i) { return at(i).k; });
    batch.Set<int64_t>("v", [&](int64_t i) { return at(i).v; });
    batch.Set<std::string>("s", [&](int64_t i) { return std::optional(at(i).s); });
    batch.Set<int64_t>("ts", [&](int64_t i) { return std::optional(at(i).ts); });
    batch.SetTimes([&](int64_t i) { return at(i).ts; });
    return op_->Process(batch.Finish(), collector);
  }
  void Feed(const std::vector<RankRow>& rows) { REQUIRE_STATUS(TryFeed(rows)); }
  void Advance(int64_t to) {
    for (;;) {
      auto progress = op_->AdvanceWatermark(to, collector);
      INFO(progress.status().ToString());
      REQUIRE(progress.ok());
      if (*progress == Progress::kDone) break;
    }
    watermark_ = std::max(watermark_, to);
  }
  /// A checkpoint; the operator is gone and another goes on from it.
  void Restart() {
    auto part = op_->Snapshot(CheckpointId(++checkpoints_));
    REQUIRE(part.ok());
    if (*part == nullptr) return Open({}, watermark_, true);
    auto written = (*part)->Run();
    REQUIRE(written.ok());
    op_->OnCheckpointComplete(CheckpointId(checkpoints_));
    Open(written->keyed, watermark_, true);
  }
  /// Rows of the main port, `+` in front of inserts and `~` of updates where there are kinds.
  std::vector<std::string> Take() {
    std::vector<std::string> kinds;
    for (const batch::Batch& batch : collector.batches[kMainPort]) {
      for (int64_t i = 0; i < batch.rows; ++i) {
        kinds.push_back(!batch.row_kinds ? "" : batch.kind(i) == batch::RowKind::kInsert ? "+" : "~");
        times.push_back(batch.times()[i]);
      }
    }
    std::vector<std::string> rows = collector.Take(kMainPort);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = kinds[i] + rows[i];
    return rows;
  }
  std::vector<std::string> TakeSorted() {
    auto rows = Take();
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  Collector collector;
  OperatorCounters counters;
  std::vector<int64_t> times;  // of the rows that were taken
  const plan::PlanOperator& plan() const { return *op_plan_; }
  Operator& op() { return *op_; }

 private:
  void Open(const std::vector<checkpoint::KeyedSnapshot>& keyed, int64_t watermark, bool restore) {
    op_.reset();
    state_ = home_.Open({0, plan_->max_parallelism}, keyed);
    op_ = MakeRankOperator(*op_plan_);
    OperatorContext context;
    context.plan = op_plan_;
    context.execution_plan = plan_.get();
    context.state = state_.get();
    context.is_restore = restore;
    context.restored_watermark = watermark;
    context.counters = &counters;
    REQUIRE_STATUS(op_->Open(context));
  }

  StateHome home_;
  std::shared_ptr<const plan::ExecutionPlan> plan_;
  const plan::PlanOperator* op_plan_ = nullptr;
  std::unique_ptr<KeyedState> state_;
  OperatorPtr op_;
  int64_t watermark_ = batch::kMinTimestamp;
  int64_t checkpoints_ = 0;
};

using Lines = std::vector<std::string>;

}  // namespace weir::taskmanager
