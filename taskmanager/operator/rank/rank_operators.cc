#include "taskmanager/operator/rank/rank_operators.h"

#include "common/base/check.h"
#include "taskmanager/operator/rank/deduplicate_operator.h"
#include "taskmanager/operator/rank/local_top_n_operator.h"
#include "taskmanager/operator/rank/top_n_operator.h"
#include "taskmanager/operator/rank/updating_top_n_operator.h"

namespace weir::taskmanager {

OperatorPtr MakeRankOperator(const plan::PlanOperator& op) {
  if (op.kind == plan::OperatorKind::kLocalTopN) return std::make_unique<LocalTopNOperator>();
  if (op.kind == plan::OperatorKind::kTopN) {
    if (op.top_n->window == plan::TopNSpec::Window::kNone) return std::make_unique<UpdatingTopNOperator>();
    return std::make_unique<TopNOperator>();
  }
  WEIR_CHECK(op.kind == plan::OperatorKind::kDeduplicate);
  if (op.deduplicate->keep_last) return std::make_unique<DeduplicateLastOperator>();
  return std::make_unique<DeduplicateFirstOperator>();
}

}  // namespace weir::taskmanager
