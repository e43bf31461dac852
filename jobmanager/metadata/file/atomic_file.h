#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::jobmanager {

/// Replaces the file: temporary name, fsync, rename, fsync of the folder. A reader sees the old
/// bytes or the new ones. Errors: name the path and what the system said.
absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes);
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);
/// With its parents, durable; existing is OK.
absl::Status MakeFolders(const std::string& path);
/// Not existing is OK. The folder is fsynced.
absl::Status DeleteFileDurably(const std::string& path);

}  // namespace weir::jobmanager
