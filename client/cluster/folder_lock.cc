#include "client/cluster/folder_lock.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace weir::client {

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  if (const fs::Errno error = fs::MakeFolders(fs::Default(), folder); error != 0)
    return absl::UnavailableError("state_dir " + folder + " cannot be made: " + std::strerror(error));
  auto lock = fs::Default().Lock(folder + "/lock", std::to_string(::getpid()));
  if (lock.error == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        "state_dir " + folder +
        " is used by another process; give each TaskManager a folder of its own");
  }
  if (!lock.ok())
    return absl::UnavailableError("state_dir " + folder + " cannot be written: " + std::strerror(lock.error));
  return FolderLock(std::move(lock.value));
}

}  // namespace weir::client
