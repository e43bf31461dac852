#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "taskmanager/operator/join/join_keys.h"
#include "taskmanager/operator/join/join_output.h"
#include "taskmanager/operator/join/side_rows.h"
#include "taskmanager/operator/keyed_operator.h"

namespace weir::taskmanager {

/// Joins two streams where right.time lies in [left.time - before, left.time + after].
///
/// Thread:    the task's thread.
/// Shape:     a row looks for its partners among the other side's rows when it comes, and waits in keyed state, by
///            bucket of time, as long as partners can come. Results carry the later of both event times. A left row that
///            nothing has matched leaves (left join) when the watermark has passed all of its bucket's intervals, with
///            the bucket's last instant + `after` as event time, which no watermark has passed.
/// Invariant: a row before the watermark is late and counted, so what joins does not depend on how long state is kept.
/// Source:    Flink's interval join.
class IntervalJoinOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override {
    return ProcessSide(0, std::move(batch), output);
  }
  absl::Status ProcessSide(int side, batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;

 private:
  struct Side {
    JoinKeys keys;
    RowCodec codec;
    SideRows rows;
    int64_t before = 0, after = 0;  // of the other side's times, seen from this one
  };
  /// Emits the pairs of `row` (of `side`) with the waiting rows in `text`.
  absl::StatusOr<bool> Match(int side, uint32_t row, int64_t time, std::string* text, Output& output);
  absl::Status AppendPairs(Output& output);
  /// Puts the batch's rows where later rows of the other side find them.
  absl::Status Store(int side);
  /// Emits a page of the rows without partner of the bucket under way. False: it is through.
  absl::StatusOr<bool> EmitUnmatched(Output& output);

  bool left_join_ = false;
  std::array<Side, 2> sides_;
  JoinOutput joined_;
  int64_t watermark_ = batch::kMinTimestamp;
  // Of the batch under way.
  std::vector<uint32_t> rows_;                // that are not late and match something, ascending
  std::vector<int64_t> times_;                // parallel to rows_
  std::vector<std::string_view> records_;     // WaitingRows, parallel to rows_
  std::string record_bytes_;
  std::vector<uint32_t> place_;               // by row of the batch: its place in rows_
  std::vector<const char*> left_, right_;     // pairs
  std::vector<int64_t> pair_times_;
  std::vector<uint32_t> probing_;
  // Of the AdvanceWatermark under way.
  bool closing_ = false;
  std::vector<NamespaceId> to_close_;  // descending
  uint64_t cursor_ = 0;
};

}  // namespace weir::taskmanager
