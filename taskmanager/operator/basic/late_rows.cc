#include "taskmanager/operator/basic/late_rows.h"

#include <utility>

namespace weir::taskmanager {

absl::Status EmitLateRows(const OperatorContext& context, const batch::Batch& batch, const std::vector<uint32_t>& rows,
                          Output& output) {
  if (rows.empty()) return absl::OkStatus();
  context.counters->late_rows += static_cast<int64_t>(rows.size());
  if (!context.plan->late_used) return absl::OkStatus();
  batch::Batch late = batch.Gather(rows.data(), static_cast<int64_t>(rows.size()));
  late.columns.resize(static_cast<size_t>(context.plan->columns));
  late.schema = context.plan->late;
  return output.Emit(kLatePort, std::move(late));
}

}  // namespace weir::taskmanager
