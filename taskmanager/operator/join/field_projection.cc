#include "taskmanager/operator/join/field_projection.h"

#include <set>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

void FieldProjection::Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& fields) {
  rows_.Open(context);
  schema_ = context.plan->output;
  std::set<int> read;
  for (const plan::NamedExpression& field : fields) {
    evaluators_.emplace_back(field.expression);
    read.insert(field.expression.columns().begin(), field.expression.columns().end());
  }
  columns_.assign(read.begin(), read.end());
}

absl::Status FieldProjection::Emit(const batch::Batch& joined, Output& output) {
  batch::Batch out;
  out.schema = schema_;
  out.rows = joined.rows;
  out.event_times = joined.event_times;
  out.columns.reserve(evaluators_.size());
  rows_.Begin();
  for (expression::Evaluator& evaluator : evaluators_) {
    batch::Column column;
    RETURN_IF_ERROR(rows_.Evaluate(evaluator, joined, output, &column));
    out.columns.push_back(std::move(column));
  }
  return rows_.EmitGood(std::move(out), output);
}

}  // namespace weir::taskmanager
