#include "common/checkpoint/storage_id.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::checkpoint {

absl::StatusOr<std::string> ReadStorageId(Storage& storage, const std::string& path) {
  absl::StatusOr<std::string> id = storage.ReadUnverified(path);
  if (absl::IsNotFound(id.status()) || (id.ok() && id->empty())) {
    return absl::UnavailableError(
        absl::StrCat("the checkpoint storage has no id at ", storage.UserPath(path),
                     "; is the path mounted, and the same on all machines?"));
  }
  return id;
}

absl::StatusOr<std::string> ReadOrWriteStorageId(Storage& storage, const std::string& fresh_id,
                                                 const std::string& path) {
  absl::StatusOr<std::string> id = storage.ReadUnverified(path);
  if (!absl::IsNotFound(id.status())) return id;
  const absl::Status written = storage.Write(path, fresh_id).status();
  if (absl::IsAlreadyExists(written)) return ReadStorageId(storage, path);
  RETURN_IF_ERROR(written);
  return fresh_id;
}

}  // namespace weir::checkpoint
