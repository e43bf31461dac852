#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "taskmanager/operator/window/accumulators.h"
#include "taskmanager/operator/window/key_table.h"
#include "taskmanager/operator/window/window_rows.h"

namespace weir::taskmanager {

/// Aggregates rows per (key, slice) before a hash exchange, so that the exchange carries partials instead of rows.
///
/// Thread:    the task's thread.
/// Shape:     emits plan::WireSchema.
/// Invariant: partials are never state: all leave before a barrier (Drain), those of a slice before the watermark that
///            closes it. A row behind its own watermark leaves as a partial of its own: the receiver decides what is late.
/// Why:       where partials do not halve the rows, the table only costs: such a sender sends each row as a partial, and
///            tries again after a while.
/// Source:    Flink's two-phase aggregation (local-global).
class LocalAggregateOperator final : public Operator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;
  absl::StatusOr<Progress> Drain(Output& output) override;

 private:
  struct Slice {
    explicit Slice(int width) : table(width) {}
    KeyTable table;
    batch::StringArena arena;
  };
  /// Adds rows to `slice`.
  void Add(Slice& slice, const std::vector<uint32_t>& rows);
  absl::Status EmitSlice(int64_t slice_end, Slice& slice, Output& output);
  absl::Status EmitRows(int64_t slice_end, const std::vector<uint32_t>& rows, Output& output);
  absl::Status EmitPage(int64_t slice_end, const std::vector<std::string_view>& keys,
                        const std::vector<const std::byte*>& rows, const batch::StringArena& arena, Output& output);
  void Judge(int64_t rows_in);

  OperatorContext context_;
  std::unique_ptr<Accumulators> accumulators_;
  std::vector<batch::DataType> key_types_;
  WindowRows rows_;
  std::map<int64_t, Slice> slices_;
  int64_t entries_ = 0;
  int64_t watermark_ = batch::kMinTimestamp;
  // Whether aggregating pays, judged over a sample.
  bool passing_ = false;
  int64_t sample_rows_ = 0;
  int64_t sample_partials_ = 0;
  std::vector<uint32_t> slots_;
  std::vector<std::byte*> targets_;
  std::vector<std::byte> scratch_;
};

}  // namespace weir::taskmanager
