#pragma once

#include "absl/status/status.h"
#include "common/checkpoint/snapshot.h"
#include "common/plan/plan.h"

namespace weir::jobmanager {

/// Gives the nodes of a manifest the names that they have in the plan's job (`renamed_from`).
void ApplyRenames(const plan::ExecutionPlan& plan, checkpoint::Manifest* manifest);

/// Whether a job may start from a checkpoint: every state has its operator with the same layout,
/// every source of the job its splits, every handle its sink, and max_parallelism is the same.
/// Renames are applied before. Errors: kFailedPrecondition, with everything that does not fit and
/// what to do.
absl::Status CheckRestore(const plan::ExecutionPlan& plan, const checkpoint::Manifest& manifest);

}  // namespace weir::jobmanager
