#pragma once

#include <cstdint>
#include <vector>

#include "common/batch/key.h"
#include "taskmanager/operator/basic/row_error_policy.h"
#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// The join keys of one side's batches.
///
/// Thread:  the task's thread; one object is reused for all batches.
class JoinKeys {
 public:
  void Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& keys);

  /// Evaluates the keys. Rows in error go the way of `on_error` and are not in rows(). `canonical` false: keys() is not
  /// wanted.
  absl::Status Load(const batch::Batch& batch, Output& output, bool canonical = true);

  const batch::KeyBatch& keys() const { return keys_; }
  const batch::Batch& columns() const { return key_batch_; }
  /// Rows that have keys, NULL ones included, ascending.
  const std::vector<uint32_t>& rows() const { return rows_; }
  /// A key column is NULL: the row matches nothing.
  bool IsNull(uint32_t row) const { return any_null_ && null_[row] != 0; }

 private:
  RowEvaluation evaluation_;
  std::vector<expression::Evaluator> evaluators_;
  std::vector<int> all_columns_;
  batch::Batch key_batch_;
  batch::KeyBatch keys_;
  std::vector<uint32_t> rows_;
  bool any_null_ = false;
  std::vector<uint8_t> null_;
};

}  // namespace weir::taskmanager
