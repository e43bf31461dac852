#include "taskmanager/operator/basic/filter_operator.h"

#include "common/base/status_macros.h"

namespace weir::taskmanager {

absl::Status FilterOperator::Open(const OperatorContext& context) {
  policy_.Open(context);
  where_.emplace(context.plan->where);
  return absl::OkStatus();
}

absl::Status FilterOperator::Process(batch::Batch batch, Output& output) {
  errors_.clear();
  where_->EvaluateFilter(batch, &kept_, &errors_);
  if (!errors_.empty()) RETURN_IF_ERROR(policy_.Handle(batch, errors_, where_->expression().text(), output, &bad_));
  if (kept_.empty()) return absl::OkStatus();
  const auto kept = static_cast<int64_t>(kept_.size());
  return output.Emit(kMainPort, kept == batch.rows ? std::move(batch) : batch.Gather(kept_.data(), kept));
}

absl::Status UnionOperator::Open(const OperatorContext& context) {
  schema_ = context.plan->output;
  return absl::OkStatus();
}

absl::Status UnionOperator::Process(batch::Batch batch, Output& output) {
  batch.schema = schema_;
  return output.Emit(kMainPort, std::move(batch));
}

}  // namespace weir::taskmanager
