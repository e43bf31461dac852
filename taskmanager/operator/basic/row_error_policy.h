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

/// The rows [0, rows) that are not in `bad` (ascending).
std::vector<uint32_t> RowsWithout(int64_t rows, const std::vector<uint32_t>& bad);

}  // namespace weir::taskmanager
