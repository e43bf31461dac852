#include "taskmanager/operator/basic/select_operator.h"

#include <algorithm>
#include <iterator>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

absl::Status SelectOperator::Open(const OperatorContext& context) {
  policy_.Open(context);
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
  std::vector<uint32_t> all_bad;
  for (expression::Evaluator& evaluator : evaluators_) {
    batch::Column column;
    errors_.clear();
    if (const int same = evaluator.expression().ColumnIndex(); same >= 0) {
      column = batch.columns[same];
    } else {
      evaluator.Evaluate(batch, &column, &errors_);
    }
    out.columns.push_back(std::move(column));
    if (errors_.empty()) continue;
    // A row that an earlier field has put aside is not reported again.
    std::erase_if(errors_, [&](const expression::RowError& error) {
      return std::binary_search(all_bad.begin(), all_bad.end(), error.row);
    });
    RETURN_IF_ERROR(policy_.Handle(batch, errors_, evaluator.expression().text(), output, &bad_));
    std::vector<uint32_t> merged;
    std::set_union(all_bad.begin(), all_bad.end(), bad_.begin(), bad_.end(), std::back_inserter(merged));
    all_bad = std::move(merged);
  }
  if (all_bad.empty()) return output.Emit(kMainPort, std::move(out));
  const std::vector<uint32_t> good = RowsWithout(out.rows, all_bad);
  if (good.empty()) return absl::OkStatus();
  return output.Emit(kMainPort, out.Gather(good.data(), static_cast<int64_t>(good.size())));
}

}  // namespace weir::taskmanager
