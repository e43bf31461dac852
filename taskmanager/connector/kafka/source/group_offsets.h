#pragma once

#include <vector>

#include "absl/status/status.h"
#include "taskmanager/connector/source_reader.h"

namespace weir::taskmanager::kafka {

/// Commits the positions of a checkpoint to the source's group, for people: what a running source does after each
/// checkpoint, for the last one of a job, of which no source hears. Blocks for a few seconds at most.
absl::Status CommitGroupOffsets(const SourceContext& context, const std::vector<SplitPosition>& positions);

}  // namespace weir::taskmanager::kafka
