#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// Rows in canonical bytes on their way out: columns again, in batches of at most Batch::kMaxRows.
///
/// Thread:  the task's thread.
/// Shape:   a row's columns, then what the operator adds: bounds of the window, the rank.
class RankOutput {
 public:
  /// `row_types`: of the canonical bytes; `with_times`: the last one is the event time and no column.
  void Open(const OperatorContext& context, std::vector<batch::DataType> row_types, bool with_times);

  /// Takes a copy of the row.
  void Add(std::string_view row, int64_t rank, batch::RowKind kind);
  bool empty() const { return ranks_.empty(); }
  /// What must go before more is added.
  bool full() const { return static_cast<int64_t>(ranks_.size()) >= batch::Batch::kMaxRows; }

  struct Shape {
    bool window_bounds = false;  // adds window_start and window_end
    int64_t window_start = 0, window_end = 0;
    bool rank = false;
    bool kinds = false;
    /// Of all rows; nothing: the rows' own, or none.
    std::optional<int64_t> time;
  };
  /// Emits all rows that were added.
  absl::Status Flush(const Shape& shape, Output& output);

 private:
  absl::Status EmitPage(size_t from, size_t to, const Shape& shape, Output& output);

  OperatorContext context_;
  std::vector<batch::DataType> row_types_;
  bool with_times_ = false;
  std::string bytes_;
  std::vector<size_t> ends_;
  std::vector<int64_t> ranks_;
  std::vector<batch::RowKind> kinds_;
};

}  // namespace weir::taskmanager
