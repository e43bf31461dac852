#include "taskmanager/operator/join/field_projection.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

void FieldProjection::Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& fields) {
  policy_.Open(context);
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
  std::vector<uint32_t> all_bad;
  for (expression::Evaluator& evaluator : evaluators_) {
    batch::Column column;
    errors_.clear();
    if (const int same = evaluator.expression().ColumnIndex(); same >= 0) {
      column = joined.columns[static_cast<size_t>(same)];
    } else {
      evaluator.Evaluate(joined, &column, &errors_);
    }
    out.columns.push_back(std::move(column));
    if (errors_.empty()) continue;
    // A row that an earlier field has put aside is not reported again.
    std::erase_if(errors_, [&](const expression::RowError& error) {
      return std::binary_search(all_bad.begin(), all_bad.end(), error.row);
    });
    RETURN_IF_ERROR(policy_.Handle(joined, errors_, evaluator.expression().text(), output, &bad_));
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
