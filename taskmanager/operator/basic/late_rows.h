#pragma once

#include <cstdint>
#include <vector>

#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// Counts rows that came too late and, where somebody reads them, emits them on the late port, without the keys that were
/// computed for the exchange.
/// Thread: the task's thread.
absl::Status EmitLateRows(const OperatorContext& context, const batch::Batch& batch, const std::vector<uint32_t>& rows,
                          Output& output);

}  // namespace weir::taskmanager
