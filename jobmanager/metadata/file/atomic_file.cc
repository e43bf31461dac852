#include "jobmanager/metadata/file/atomic_file.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/fs/file_system.h"

namespace weir::jobmanager {
namespace {

absl::Status Error(fs::Errno error, const char* what, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(what, " ", path));
}

absl::Status SyncFolderOf(const std::string& path) {
  const std::string folder = fs::ParentOf(path);
  if (const fs::Errno error = fs::Default().SyncFolder(folder); error != 0) return Error(error, "fsync", folder);
  return absl::OkStatus();
}

absl::Status Write(const std::string& path, std::string_view bytes) {
  auto file = fs::Default().Open(path, fs::OpenMode::kReplace);
  if (!file.ok()) return Error(file.error, "create", path);
  if (const fs::Errno error = file.value->Append(bytes); error != 0) return Error(error, "write", path);
  if (const fs::Errno error = file.value->Sync(); error != 0) return Error(error, "fsync", path);
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  absl::Status status = Write(temporary, bytes);
  if (status.ok()) {
    const fs::Errno error = fs::Default().Rename(temporary, path);
    if (error != 0) status = Error(error, "rename to", path);
  }
  if (!status.ok()) {
    (void)fs::Default().Unlink(temporary);
    return status;
  }
  return SyncFolderOf(path);
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  auto bytes = fs::ReadWhole(fs::Default(), path);
  if (!bytes.ok()) return Error(bytes.error, "read", path);
  return std::move(bytes.value);
}

absl::Status MakeFolders(const std::string& path) {
  if (const fs::Errno error = fs::MakeFolders(fs::Default(), path); error != 0)
    return Error(error, "create folder", path);
  if (const fs::Errno error = fs::SyncFoldersAbove(fs::Default(), path); error != 0)
    return Error(error, "fsync the folders above", path);
  return absl::OkStatus();
}

absl::Status DeleteFileDurably(const std::string& path) {
  const fs::Errno error = fs::Default().Unlink(path);
  if (error != 0 && error != ENOENT) return Error(error, "delete", path);
  return SyncFolderOf(path);
}

}  // namespace weir::jobmanager
