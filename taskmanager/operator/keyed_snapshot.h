#pragma once

#include <memory>
#include <string>

#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// The snapshot of an operator whose state is all in `state`: freezes it now, and writes what changed when run.
/// Thread: the task's thread; Run on a pool thread.
absl::StatusOr<std::unique_ptr<AsyncSnapshot>> SnapshotKeyedState(const std::string& node, KeyedState& state,
                                                                  CheckpointId checkpoint);

}  // namespace weir::taskmanager
