#pragma once

#include <optional>
#include <vector>

#include "taskmanager/operator/basic/row_error_policy.h"
#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// Keeps the rows for which `where` is TRUE. Thread: the task's thread.
class FilterOperator final : public Operator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;

 private:
  RowErrorPolicy policy_;
  std::optional<expression::Evaluator> where_;
  std::vector<uint32_t> kept_, bad_;
  expression::RowErrors errors_;
};

/// Passes on what any of its inputs sends; their watermarks are combined by the task. Thread: the task's thread.
class UnionOperator final : public Operator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;

 private:
  batch::SchemaPtr schema_;
};

}  // namespace weir::taskmanager
