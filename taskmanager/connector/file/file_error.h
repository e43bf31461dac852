#pragma once

#include <string>

#include "absl/status/status.h"

namespace weir::taskmanager::file {

/// A failed system call as a status: `cannot WHAT PATH: No space left on device`.
/// `user` true: what the job's author can mend (no such folder, no permission) is kInvalidArgument, so that the job
/// is not restarted in vain. A full disk is kResourceExhausted, all else kUnavailable.
absl::Status FileError(int error, const char* what, const std::string& path, bool user = false);

}  // namespace weir::taskmanager::file
