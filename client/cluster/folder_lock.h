#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/fs/file_system.h"

namespace weir::client {

/// Makes a folder this process's own, for as long as it lives. Thread: one.
/// Errors: kFailedPrecondition: another process has it; kUnavailable: it cannot be made or written.
class FolderLock {
 public:
  static absl::StatusOr<FolderLock> Take(const std::string& folder);

 private:
  explicit FolderLock(std::unique_ptr<fs::FileLock> lock) : lock_(std::move(lock)) {}
  std::unique_ptr<fs::FileLock> lock_;
};

}  // namespace weir::client
