#include "taskmanager/operator/basic/select_operator.h"

#include "common/base/status_macros.h"

namespace weir::taskmanager {

absl::Status SelectOperator::Open(const OperatorContext& context) {
  rows_.Open(context);
  schema_ = context.plan->output;
  append_ = context.plan->append_fields;
  for (const plan::NamedExpression& field : context.plan->fields) evaluators_.emplace_back(field.expression);
  return absl::OkStatus();
}

absl::Status SelectOperator::Process(batch::Batch batch, Output& output) {
  batch::Batch out;
  out.schema = schema_;
  out.rows = batch.rows;
  out.event_times = batch.event_times;
  out.row_kinds = batch.row_kinds;
  if (append_) out.columns = batch.columns;
  rows_.Begin();
  for (expression::Evaluator& evaluator : evaluators_) {
    batch::Column column;
    RETURN_IF_ERROR(rows_.Evaluate(evaluator, batch, output, &column));
    out.columns.push_back(std::move(column));
  }
  return rows_.EmitGood(std::move(out), output);
}

}  // namespace weir::taskmanager
