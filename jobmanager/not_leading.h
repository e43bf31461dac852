#pragma once

#include <string>

#include "absl/status/status.h"

namespace weir::jobmanager {

/// The answer of a JobManager that does not lead: kUnavailable, with a mark by which a caller knows that
/// another one is to be asked. `leader`: HOST:PORT of the one that leads; empty: not known.
absl::Status NotLeading(const std::string& leader);
bool IsNotLeading(const absl::Status& status);

}  // namespace weir::jobmanager
