#pragma once

#include <string>
#include <vector>

#include "common/expression/expression.h"
#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// What an operator does with rows whose expression could not be computed: `on_error`.
///
/// Thread:  the task's thread.
class RowErrorPolicy {
 public:
  void Open(const OperatorContext& context) { context_ = context; }

  /// fail: kInvalidArgument that names node, expression and row. skip: counts. route: emits `raw`, `error`, `origin` on
  /// the errors port. `*bad` becomes the rows in error, ascending, each once. `text`: of the expression.
  absl::Status Handle(const batch::Batch& batch, const expression::RowErrors& errors, const std::string& text,
                      Output& output, std::vector<uint32_t>* bad);

 private:
  OperatorContext context_;
};

/// Evaluates the expressions of one batch. A row in error for one of them goes the way of `on_error` and is put aside:
/// it is not reported again for another.
///
/// Thread:  the task's thread; one object is reused for all batches.
class RowEvaluation {
 public:
  void Open(const OperatorContext& context) { policy_.Open(context); }
  /// Before the first expression of a batch.
  void Begin() { bad_.clear(); }
  /// `filter` (one byte a row, null: none): a row that it leaves out is never asked for its value.
  absl::Status Evaluate(expression::Evaluator& evaluator, const batch::Batch& batch, Output& output,
                        batch::Column* out, const std::vector<uint8_t>* filter = nullptr);
  /// Rows put aside, ascending.
  const std::vector<uint32_t>& bad() const { return bad_; }
  /// Emits the rows of `out`, made row by row of the batch, that were not put aside.
  absl::Status EmitGood(batch::Batch out, Output& output) const;

 private:
  RowErrorPolicy policy_;
  expression::RowErrors errors_;
  std::vector<uint32_t> newly_bad_, bad_;
};

/// The rows [0, rows) that are not in `bad` (ascending).
std::vector<uint32_t> RowsWithout(int64_t rows, const std::vector<uint32_t>& bad);

}  // namespace weir::taskmanager
