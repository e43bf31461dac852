#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "taskmanager/operator/keyed_operator.h"
#include "taskmanager/operator/rank/rank_output.h"
#include "taskmanager/operator/rank/ranked_table.h"

namespace weir::taskmanager {

/// The first rows of each group of each window, emitted once when the watermark comes to the window's end.
///
/// Thread:    the task's thread.
/// Shape:     in: the node's input, or what LocalTopNOperator lets through of it. Out: plan::TopNSpec; event time is the
///            last millisecond of the window. Late port: the input's rows.
/// Invariant: a window is emitted once; a row whose window has been emitted is late.
class TopNOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;

 private:
  absl::Status AddWindow(const RankWindow& window);
  void WillFire(int64_t end) { next_fire_ = std::min(end, next_fire_.value_or(end)); }
  /// Emits a page of the window under way.
  absl::Status Step(Output& output);

  const plan::TopNSpec* spec_ = nullptr;
  KeyedTable* state_ = nullptr;
  RankInput input_;
  RankWindows windows_;
  RankedTable table_;
  RankOutput rank_output_;
  int64_t watermark_ = batch::kMinTimestamp;  // windows up to here are emitted
  std::optional<int64_t> next_fire_;          // the least window end in state
  // The window being emitted.
  std::optional<int64_t> firing_;
  uint64_t cursor_ = 0;
  std::vector<uint32_t> slots_;
};

/// SQL's ranks of rows that are in order: `ties`: RANK(), rows of equal order share one; else their positions.
int64_t RankOf(const RankedRows& rows, size_t i, int64_t rank_before, bool ties);

}  // namespace weir::taskmanager
