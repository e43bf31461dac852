#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/batch/key.h"
#include "taskmanager/operator/basic/row_error_policy.h"
#include "taskmanager/operator/operator.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {

/// The rows of one batch, made ready for aggregation: keys, arguments, filters, and the slice of each row.
///
/// Thread:  the task's thread; one object is reused for all batches.
class WindowRows {
 public:
  void Open(const OperatorContext& context);

  /// Evaluates everything. Rows in error go the way of `on_error` and are in no slice.
  /// `time`: of all rows, in place of their own.
  absl::Status Load(const batch::Batch& batch, Output& output, std::optional<int64_t> time = std::nullopt);
  /// The same but the slices: `good` becomes the rows that are not in error.
  absl::Status LoadUnsliced(const batch::Batch& batch, Output& output, std::vector<uint32_t>* good);

  const batch::KeyBatch& keys() const { return keys_; }
  const std::vector<batch::Column>& key_columns() const { return key_batch_.columns; }
  /// Null for count(*).
  const batch::Column* argument(int a) const { return has_argument_[a] ? &arguments_[a] : nullptr; }
  /// Null when the aggregate has no filter; else one byte a row, 1 = counts.
  const uint8_t* filter(int a) const { return filters_[a].empty() ? nullptr : filters_[a].data(); }

  /// Rows of one slice, ascending.
  struct SliceRows {
    int64_t slice_end = 0;
    std::vector<uint32_t> rows;
  };
  /// Slices in order of first occurrence; those in no window left out.
  const std::vector<SliceRows>& slices() const { return slices_; }
  size_t slice_count() const { return slice_count_; }

 private:
  absl::Status Evaluate(const batch::Batch& batch, Output& output);
  SliceRows* SliceOf(int64_t slice_end);
  void Slice(const batch::Batch& batch);
  void SliceAt(int64_t time, int64_t rows);

  RowEvaluation evaluation_;
  WindowMath math_;
  std::vector<expression::Evaluator> key_evaluators_;
  std::vector<std::optional<expression::Evaluator>> argument_evaluators_, filter_evaluators_;
  batch::Batch key_batch_;
  std::vector<int> all_keys_;
  batch::KeyBatch keys_;
  std::vector<batch::Column> arguments_;
  std::vector<bool> has_argument_;
  std::vector<std::vector<uint8_t>> filters_;
  std::vector<SliceRows> slices_;
  size_t slice_count_ = 0;
};

}  // namespace weir::taskmanager
