#pragma once

#include <vector>

#include "taskmanager/operator/basic/row_error_policy.h"
#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// Computes columns; a row with an error in any of them is in error as a whole. Event times stay.
/// Thread: the task's thread.
class SelectOperator final : public Operator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;

 private:
  RowEvaluation rows_;
  batch::SchemaPtr schema_;
  bool append_ = false;
  std::vector<expression::Evaluator> evaluators_;
};

}  // namespace weir::taskmanager
