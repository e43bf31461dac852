#pragma once

#include <cstdint>

#include "taskmanager/operator/keyed_operator.h"
#include "taskmanager/operator/rank/expiring_entries.h"
#include "taskmanager/operator/rank/rank_output.h"
#include "taskmanager/operator/rank/ranked_table.h"

namespace weir::taskmanager {

/// The first rows of each group so far: whenever a rank of a group has another row, that row is emitted.
///
/// Thread:    the task's thread.
/// Shape:     in: the node's input. Out: its columns and the rank; row kind insert for a rank that had no row, else
///            update_after; event time is the row's own. The last row of a (key, rank) is its result.
/// Invariant: what is emitted is the difference that a batch made: ranks that changed and changed back, or changed twice, are
///            not seen in between. With a ttl a key's ranks start anew when the watermark is `ttl` past its last row.
class UpdatingTopNOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;

 private:
  /// Takes in what a group's ranks hold now.
  void Collect(const RankedRows& before, const RankedRows& after);

  const plan::TopNSpec* spec_ = nullptr;
  bool with_times_ = false;
  RankInput input_;
  RankedTable table_;
  ExpiringEntries entries_;
  RankOutput rank_output_;
  int64_t watermark_ = batch::kMinTimestamp;
};

}  // namespace weir::taskmanager
