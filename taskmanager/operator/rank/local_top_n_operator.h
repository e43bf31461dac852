#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "taskmanager/operator/rank/rank_input.h"
#include "taskmanager/operator/window/key_table.h"

namespace weir::taskmanager {

/// Lets through, in front of a hash exchange, only rows that can still be among the first of their group and window: of
/// those it has let through it remembers the order of the first `limit`.
///
/// Thread:    the task's thread.
/// Shape:     out: the rows of the input that are left, as they are.
/// Invariant: a row is dropped only when `limit` rows before it in order have gone the same way, so nothing is held back:
///            there is nothing to flush before a barrier or a watermark, and what is remembered may be forgotten at any time.
/// Why:       of n rows in random order about limit * ln(n / limit) pass, without a copy of any. Where most rows pass
///            (many small groups), the table only costs: such a sender lets all through for a while, then tries again.
class LocalTopNOperator final : public Operator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;

 private:
  /// Appends the rows of the window that may pass.
  void Sift(const RankWindow& window);
  void Judge(int64_t rows_in, int64_t rows_out);

  OperatorContext context_;
  const plan::TopNSpec* spec_ = nullptr;
  RankInput input_;
  RankWindows windows_;
  std::optional<OrderBytes> order_bytes_;
  std::map<int64_t, KeyTable> seen_;  // by window end; a row: count (u64), then a heap of first bytes, the last on top
  int64_t watermark_ = batch::kMinTimestamp;
  bool passing_ = false;
  int64_t sample_in_ = 0, sample_out_ = 0;
  std::vector<uint64_t> prefixes_;
  std::vector<uint32_t> entries_, passed_;
};

}  // namespace weir::taskmanager
