#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "taskmanager/operator/basic/row_error_policy.h"
#include "taskmanager/operator/window/accumulators.h"

namespace weir::taskmanager {

/// Makes batches of results from keys and rows of accumulators, and emits them.
///
/// Thread:  the task's thread.
/// Shape:   keys, window_start, window_end, aggregates. Results carry the last millisecond of their window as event time.
/// Errors:  an aggregate that does not fit its type goes the way of `on_error`.
class WindowResults {
 public:
  void Open(const OperatorContext& context, const Accumulators* accumulators);

  /// Bounds of the windows: one for all rows, or one a row.
  struct Bounds {
    std::vector<int64_t> starts, ends;
  };
  /// At most Batch::kMaxRows; none is no batch. `arena`: of texts in the rows.
  absl::Status Emit(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows,
                    const Bounds& bounds, const batch::StringArena* arena, Output& output);

 private:
  OperatorContext context_;
  RowErrorPolicy policy_;
  const Accumulators* accumulators_ = nullptr;
  std::vector<batch::DataType> key_types_;
};

}  // namespace weir::taskmanager
