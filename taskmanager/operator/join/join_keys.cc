#include "taskmanager/operator/join/join_keys.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "common/base/status_macros.h"

namespace weir::taskmanager {

void JoinKeys::Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& keys) {
  evaluation_.Open(context);
  auto schema = std::make_shared<batch::Schema>();
  for (const plan::NamedExpression& key : keys) {
    all_columns_.push_back(static_cast<int>(evaluators_.size()));
    evaluators_.emplace_back(key.expression);
    schema->fields.push_back({key.name, key.expression.type()});
  }
  key_batch_.schema = schema;
  key_batch_.columns.resize(keys.size());
}

absl::Status JoinKeys::Load(const batch::Batch& batch, Output& output, bool canonical) {
  evaluation_.Begin();
  any_null_ = false;
  key_batch_.rows = batch.rows;
  for (size_t k = 0; k < evaluators_.size(); ++k) {
    expression::Evaluator& evaluator = evaluators_[k];
    batch::Column& column = key_batch_.columns[k];
    RETURN_IF_ERROR(evaluation_.Evaluate(evaluator, batch, output, &column));
    if (const uint8_t* validity = column.validity(); validity != nullptr) {
      if (!any_null_) null_.assign(static_cast<size_t>(batch.rows), 0);
      any_null_ = true;
      for (int64_t i = 0; i < batch.rows; ++i) null_[static_cast<size_t>(i)] |= validity[column.index(i)] == 0;
    }
  }
  if (canonical) batch::MakeKeys(key_batch_, all_columns_, &keys_);
  if (!evaluation_.bad().empty()) {
    rows_ = RowsWithout(batch.rows, evaluation_.bad());
  } else {
    rows_.resize(static_cast<size_t>(batch.rows));
    std::iota(rows_.begin(), rows_.end(), 0u);
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
