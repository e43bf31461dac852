#include "taskmanager/connector/file/output_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/file/file_error.h"
#include "taskmanager/connector/file/open_file.h"

namespace weir::taskmanager::file {
namespace {

constexpr char kIdName[] = ".weir-id";
constexpr int kIdDigits = 32;

bool SameFile(const std::string& a, const std::string& b) {
  struct ::stat x {
  }, y{};
  return ::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

}  // namespace

absl::Status OutputFolder::MakeFolders() const {
  for (size_t slash = path_.find('/', 1);; slash = path_.find('/', slash + 1)) {
    const std::string part = path_.substr(0, slash);
    if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) return FileError(errno, "make the folder", part, true);
    if (slash == std::string::npos) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> OutputFolder::Prepare() const {
  struct ::stat info {};
  if (::stat(path_.c_str(), &info) != 0) {
    if (errno != ENOENT) return FileError(errno, "write into", path_, true);
    RETURN_IF_ERROR(MakeFolders());
    if (::stat(path_.c_str(), &info) != 0) return FileError(errno, "write into", path_, true);
  }
  if (!S_ISDIR(info.st_mode)) return FileError(ENOTDIR, "write into", path_, true);
  if (::access(path_.c_str(), W_OK | X_OK) != 0) return FileError(errno, "write into", path_, true);

  auto id = ReadId();
  if (id.ok() || !absl::IsNotFound(id.status())) return id;
  // Whole under a name of its own first; of several that do this at once, one gives its file the name.
  Rng rng(RandomSeed());
  const std::string temporary = absl::StrCat(kIdName, ".", rng.Hex(kIdDigits));
  const std::string made = absl::StrCat(rng.Hex(kIdDigits), "\n");
  const std::string path = PathOf(temporary);
  {
    OpenFile file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file.ok()) return FileError(errno, "write", path, true);
    RETURN_IF_ERROR(WriteAll(file, path, made.data(), made.size()));
    if (::fsync(file.fd()) != 0) return FileError(errno, "fsync", path);
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
  OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("there is no ", path));
    return FileError(errno, "read", path);
  }
  char bytes[kIdDigits + 2];
  ASSIGN_OR_RETURN(const size_t got, ReadAt(file, path, 0, bytes, sizeof(bytes)));
  std::string id(bytes, std::min<size_t>(got, kIdDigits));
  if (got != kIdDigits + 1 || id.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is damaged: it must be ", kIdDigits, " hexadecimal digits"));
  }
  return id;
}

absl::Status OutputFolder::Rename(const std::string& from, const std::string& to) const {
  const std::string old_path = PathOf(from), new_path = PathOf(to);
  if (::renameat2(AT_FDCWD, old_path.c_str(), AT_FDCWD, new_path.c_str(), RENAME_NOREPLACE) == 0)
    return absl::OkStatus();
  int error = errno;
  if (error == EINVAL || error == ENOSYS) {  // file systems without RENAME_NOREPLACE
    error = ::link(old_path.c_str(), new_path.c_str()) == 0 ? 0 : errno;
    // A crash between the two calls leaves both names of one file.
    if (error == EEXIST && SameFile(old_path, new_path)) error = 0;
    if (error == 0) return Remove(from);
  }
  if (error == ENOENT) return absl::NotFoundError(absl::StrCat("there is no ", old_path));
  if (error == EEXIST) return absl::AlreadyExistsError(absl::StrCat(new_path, " is there already"));
  return FileError(error, "rename", old_path);
}

absl::Status OutputFolder::Sync() const {
  OpenFile folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return FileError(errno, "open", path_);
  if (::fsync(folder.fd()) != 0) return FileError(errno, "fsync", path_);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> OutputFolder::List() const {
  std::vector<std::string> names;
  ::DIR* folder = ::opendir(path_.c_str());
  if (folder == nullptr && errno == ENOENT) return names;
  if (folder == nullptr) return FileError(errno, "list", path_);
  errno = 0;
  while (const ::dirent* entry = ::readdir(folder)) {
    names.emplace_back(entry->d_name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(folder);
  if (error != 0) return FileError(error, "list", path_);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status OutputFolder::Remove(const std::string& name) const {
  const std::string path = PathOf(name);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return FileError(errno, "remove", path);
}

}  // namespace weir::taskmanager::file
