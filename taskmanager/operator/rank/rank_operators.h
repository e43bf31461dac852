#pragma once

#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// The operator for a plan's kLocalTopN, kTopN or kDeduplicate.
OperatorPtr MakeRankOperator(const plan::PlanOperator& op);

}  // namespace weir::taskmanager
