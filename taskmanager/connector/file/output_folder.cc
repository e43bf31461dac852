#include "taskmanager/connector/file/output_folder.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/file/file_error.h"
#include "taskmanager/connector/file/open_file.h"

namespace weir::taskmanager::file {
namespace {

constexpr char kIdName[] = ".weir-id";
constexpr int kIdDigits = 32;

}  // namespace

absl::StatusOr<std::string> OutputFolder::Prepare() const {
  auto info = fs::Default().Stat(path_);
  if (info.error == ENOENT) {
    std::string failed;
    const fs::Errno error = fs::MakeFolders(fs::Default(), path_, &failed);
    if (error != 0) return FileError(error, "make the folder", failed, true);
    info = fs::Default().Stat(path_);
  }
  if (!info.ok()) return FileError(info.error, "write into", path_, true);
  if (info.value.type != fs::FileType::kFolder) return FileError(ENOTDIR, "write into", path_, true);
  if (const fs::Errno error = fs::Default().CheckWritable(path_); error != 0)
    return FileError(error, "write into", path_, true);

  auto id = ReadId();
  if (id.ok() || !absl::IsNotFound(id.status())) return id;
  // Whoever finds the id may take the folder for durable.
  if (const fs::Errno error = fs::SyncFoldersAbove(fs::Default(), path_); error != 0)
    return FileError(error, "fsync the folders above", path_);
  // Whole under a name of its own first; of several that do this at once, one gives its file the name.
  Rng rng(RandomSeed());
  const std::string temporary = absl::StrCat(kIdName, ".", rng.Hex(kIdDigits));
  const std::string made = absl::StrCat(rng.Hex(kIdDigits), "\n");
  const std::string path = PathOf(temporary);
  {
    const auto file = fs::Default().Open(path, fs::OpenMode::kCreate);
    if (!file.ok()) return FileError(file.error, "write", path, true);
    RETURN_IF_ERROR(WriteAll(file.value, path, made.data(), made.size()));
    if (const fs::Errno error = file.value->Sync(); error != 0) return FileError(error, "fsync", path);
  }
  const absl::Status renamed = Rename(temporary, kIdName);
  if (!renamed.ok()) {
    RETURN_IF_ERROR(Remove(temporary));
    if (!absl::IsAlreadyExists(renamed)) return renamed;
  }
  RETURN_IF_ERROR(Sync());
  return ReadId();
}

absl::StatusOr<std::string> OutputFolder::ReadId() const {
  const std::string path = PathOf(kIdName);
  const auto file = fs::Default().Open(path, fs::OpenMode::kRead);
  if (file.error == ENOENT) return absl::NotFoundError(absl::StrCat("there is no ", path));
  if (!file.ok()) return FileError(file.error, "read", path);
  char bytes[kIdDigits + 2];
  ASSIGN_OR_RETURN(const size_t got, ReadAt(file.value, path, 0, bytes, sizeof(bytes)));
  std::string id(bytes, std::min<size_t>(got, kIdDigits));
  if (got != kIdDigits + 1 || id.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is damaged: it must be ", kIdDigits, " hexadecimal digits"));
  }
  return id;
}

absl::Status OutputFolder::Rename(const std::string& from, const std::string& to) const {
  const std::string old_path = PathOf(from), new_path = PathOf(to);
  const fs::Errno error = fs::Default().RenameNoReplace(old_path, new_path);
  if (error == 0) return absl::OkStatus();
  if (error == ENOENT) return absl::NotFoundError(absl::StrCat("there is no ", old_path));
  if (error == EEXIST) return absl::AlreadyExistsError(absl::StrCat(new_path, " is there already"));
  return FileError(error, "rename", old_path);
}

absl::Status OutputFolder::Sync() const {
  const fs::Errno error = fs::Default().SyncFolder(path_);
  return error == 0 ? absl::OkStatus() : FileError(error, "fsync", path_);
}

absl::StatusOr<std::vector<std::string>> OutputFolder::List() const {
  std::vector<std::string> names;
  const auto entries = fs::Default().List(path_);
  if (entries.error == ENOENT) return names;
  if (!entries.ok()) return FileError(entries.error, "list", path_);
  for (const fs::Entry& entry : entries.value) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status OutputFolder::Remove(const std::string& name) const {
  const std::string path = PathOf(name);
  const fs::Errno error = fs::Default().Unlink(path);
  return error == 0 || error == ENOENT ? absl::OkStatus() : FileError(error, "remove", path);
}

}  // namespace weir::taskmanager::file
