#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/checkpoint/storage.h"

namespace weir::checkpoint {

/// What to do when the root folder is not there. Only who creates a storage (the JobManager, for a
/// new job) makes it; everyone else takes its absence for a path that is not mounted.
enum class RootFolder { kMustExist, kCreate };

/// Checkpoint storage in a folder: `file:///absolute/path`. The folder must be the same one on all
/// machines.
///
/// Errors:  kInvalidArgument = not such a URI; kUnavailable = no such folder, now or later.
///          A file that is missing where the storage's id is missing too (see storage_id.h) is
///          kUnavailable once the id has been seen: an unmounted path loses no checkpoint.
/// Source:  the write protocol is that of SQLite's and LevelDB's "CURRENT": temporary name, fsync,
/// rename, fsync.
absl::StatusOr<std::unique_ptr<Storage>> OpenFileStorage(const std::string& uri,
                                                         RootFolder root = RootFolder::kMustExist);

}  // namespace weir::checkpoint
