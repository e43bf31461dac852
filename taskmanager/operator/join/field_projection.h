#pragma once

#include <vector>

#include "taskmanager/operator/basic/row_error_policy.h"
#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// From joined rows to the node's output: evaluates `fields` and emits.
///
/// Thread:  the task's thread.
class FieldProjection {
 public:
  /// `fields` are bound to the schema of the batches given to Emit.
  void Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& fields);
  /// Columns of the joined schema that any field reads, ascending.
  const std::vector<int>& columns() const { return columns_; }
  /// Rows in error go the way of `on_error`. Columns of `joined` that no field reads may be empty.
  absl::Status Emit(const batch::Batch& joined, Output& output);

 private:
  RowEvaluation rows_;
  batch::SchemaPtr schema_;
  std::vector<expression::Evaluator> evaluators_;
  std::vector<int> columns_;
};

}  // namespace weir::taskmanager
