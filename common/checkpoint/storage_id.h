#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/checkpoint/storage.h"

namespace weir::checkpoint {

/// Where the id of a checkpoint storage lies in it. A storage without it is not (or no longer) the
/// one we mean: a path that is not mounted, another machine's disk.
inline constexpr char kStorageIdPath[] = "weir-storage-id";

/// Reads the id at `path`. kUnavailable when there is none: retry, conclude nothing about the
/// files.
absl::StatusOr<std::string> ReadStorageId(Storage& storage,
                                          const std::string& path = kStorageIdPath);

/// The id that is there, or else writes `fresh_id`. Two writers at a time agree on one.
absl::StatusOr<std::string> ReadOrWriteStorageId(Storage& storage, const std::string& fresh_id,
                                                 const std::string& path = kStorageIdPath);

}  // namespace weir::checkpoint
