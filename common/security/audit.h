#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/security/token_table.h"

namespace weir::security {

/// One line in the log for a call that changes something, or was refused: who (name and role of the
/// token, peer), what, which job, and how it ended (the code alone: a message may quote the job).
/// Thread: thread-safe.
void Audit(const Principal& who, std::string_view peer, std::string_view verb, const std::string& job,
           const absl::Status& result);

}  // namespace weir::security
