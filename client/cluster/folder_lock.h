#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace weir::client {

/// Makes a folder this process's own, for as long as it lives. Thread: one.
/// Errors: kFailedPrecondition: another process has it; kUnavailable: it cannot be made or written.
class FolderLock {
 public:
  static absl::StatusOr<FolderLock> Take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept : descriptor_(other.descriptor_) {
    other.descriptor_ = -1;
  }
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace weir::client
