#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/fs/file_system.h"

namespace weir::taskmanager::file {

/// Null: none. Thread: one at a time.
using OpenFile = std::unique_ptr<fs::File>;

/// Reads at most `size` bytes at `offset`, fewer only at the end of the file. `path` is for the message.
absl::StatusOr<size_t> ReadAt(const OpenFile& file, const std::string& path, int64_t offset, char* to, size_t size);

/// Writes all of it behind what was written.
absl::Status WriteAll(const OpenFile& file, const std::string& path, const char* from, size_t size);

}  // namespace weir::taskmanager::file
