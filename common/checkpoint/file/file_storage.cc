#include "common/checkpoint/file/file_storage.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/crc32c.h"
#include "common/base/rng.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/file/local_file.h"
#include "common/checkpoint/storage_id.h"
#include "common/fs/file_system.h"
#include "common/runtime/sync.h"

namespace weir::checkpoint {
namespace {

constexpr std::string_view kScheme = "file://";
constexpr std::string_view kTemporaryPrefix = ".tmp-";
// A temporary file this old belongs to nobody that still lives.
constexpr int64_t kTemporaryMaxAgeMicros = int64_t{3600} * 1'000'000;

using fs::ParentOf;

bool IsFolder(const std::string& path) { return fs::IsFolder(fs::Default(), path); }
bool Exists(const std::string& path) { return fs::Exists(fs::Default(), path); }
void Remove(const std::string& path) { (void)fs::Default().Unlink(path); }

// The path is relative and stays below the root: each component a plain name.
absl::Status CheckPath(const std::string& path) {
  size_t begin = 0;
  for (size_t i = 0; i <= path.size(); ++i) {
    if (i < path.size() && path[i] != '/') {
      if (path[i] == '\0') return absl::InvalidArgumentError("a storage path holds a NUL byte");
      continue;
    }
    const std::string_view part = std::string_view(path).substr(begin, i - begin);
    if (part.empty() || part == "." || part == ".." || part.starts_with(kTemporaryPrefix)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", path, "' is no path of the checkpoint storage: it must be relative, without '..'"));
    }
    begin = i + 1;
  }
  return absl::OkStatus();
}

// Makes the folder and all that are missing above it.
absl::Status MakeFolders(const std::string& folder) {
  std::string failed;
  const fs::Errno error = fs::MakeFolders(fs::Default(), folder, &failed);
  return error == 0 ? absl::OkStatus() : local::FromErrno("cannot make folder", failed, error);
}

class FileStorage final : public Storage {
 public:
  explicit FileStorage(std::string root)
      : root_(std::move(root)), id_seen_(Exists(Full(kStorageIdPath))) {}

  absl::StatusOr<FileRef> Write(const std::string& path, std::string_view bytes) override {
    return Write(path, bytes, nullptr, nullptr);
  }

  absl::StatusOr<FileRef> Write(const std::string& path, std::string_view bytes,
                                const std::function<absl::Status()>& before_rename,
                                const std::function<absl::Status()>& after_rename) override {
    RETURN_IF_ERROR(Create(
        path, [&](const std::string& temporary) { return local::CreateFile(temporary, bytes); },
        before_rename));
    if (after_rename) RETURN_IF_ERROR(after_rename());
    if (path == kStorageIdPath) id_seen_ = true;
    return FileRef{path, bytes.size(), Crc32c(bytes)};
  }

  absl::StatusOr<FileRef> Store(const std::string& local_path, const std::string& path) override {
    local::Digest digest;
    RETURN_IF_ERROR(Create(
        path,
        [&](const std::string& temporary) -> absl::Status {
          RETURN_IF_ERROR(CheckNotLost(local_path));
          const fs::Errno error = fs::Default().Link(local_path, temporary);
          if (error == 0) {
            if (absl::Status synced = local::FsyncFile(temporary); !synced.ok()) {
              std::lock_guard lock(mutex_);
              lost_.insert(local_path);
              return synced;
            }
            ASSIGN_OR_RETURN(digest, local::DigestFile(temporary));
            return absl::OkStatus();
          }
          if (error == ENOENT && IsFolder(ParentOf(temporary))) {
            return local::FromErrno("cannot open", local_path, ENOENT);
          }
          ASSIGN_OR_RETURN(digest, local::CopyFile(local_path, temporary, local::Durable::kYes));
          return absl::OkStatus();
        },
        nullptr));
    return FileRef{path, digest.size_bytes, digest.crc32c};
  }

  absl::StatusOr<std::string> Read(const FileRef& file) override { return ReadInto({}, file); }

  absl::StatusOr<std::string> ReadInto(std::string memory, const FileRef& file) override {
    ASSIGN_OR_RETURN(std::string bytes, ReadWhole(file.path, std::move(memory)));
    RETURN_IF_ERROR(Verify(file, {bytes.size(), Crc32c(bytes)}));
    return bytes;
  }

  absl::StatusOr<std::string> ReadUnverified(const std::string& path) override { return ReadWhole(path, {}); }

  absl::Status Fetch(const FileRef& file, const std::string& local_path) override {
    RETURN_IF_ERROR(CheckPath(file.path));
    if (!Exists(Full(file.path)))
      return Explain(local::FromErrno("cannot open", Full(file.path), ENOENT));
    const absl::StatusOr<local::Digest> digest = local::CopyFile(Full(file.path), local_path, local::Durable::kNo);
    if (!digest.ok()) return Explain(digest.status());
    absl::Status status = Verify(file, *digest);
    if (!status.ok()) Remove(local_path);
    return status;
  }

  absl::StatusOr<FileRef> Copy(const FileRef& file, const std::string& path) override {
    RETURN_IF_ERROR(CheckPath(file.path));
    const std::string from = Full(file.path);
    const auto info = fs::Default().Stat(from);
    if (!info.ok()) return Explain(local::FromErrno("cannot open", from, info.error));
    const auto size = static_cast<uint64_t>(info.value.size);
    if (size != file.size_bytes) return Verify(file, {size, 0});
    RETURN_IF_ERROR(Create(
        path,
        [&](const std::string& temporary) -> absl::Status {
          if (fs::Default().Link(from, temporary) == 0) return absl::OkStatus();
          ASSIGN_OR_RETURN(const local::Digest digest, local::CopyFile(from, temporary, local::Durable::kYes));
          return Verify(file, digest);
        },
        nullptr));
    return FileRef{path, file.size_bytes, file.crc32c};
  }

  absl::Status Delete(const std::string& path) override {
    RETURN_IF_ERROR(CheckPath(path));
    const std::string full = Full(path);
    if (const fs::Errno error = fs::Default().Unlink(full); error != 0) {
      const absl::Status status = Explain(local::FromErrno("cannot delete", full, error));
      return absl::IsNotFound(status) ? absl::OkStatus() : status;
    }
    // Folders that became empty go too. A writer that loses its folder makes it again.
    for (std::string folder = ParentOf(path); !folder.empty(); folder = ParentOf(folder)) {
      if (fs::Default().RemoveFolder(Full(folder)) != 0) break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    if (!folder.empty()) RETURN_IF_ERROR(CheckPath(folder));
    RETURN_IF_ERROR(CheckRoot());
    std::vector<std::string> paths;
    const std::string top = folder.empty() ? root_ : Full(folder);
    if (!IsFolder(top)) return paths;
    RETURN_IF_ERROR(ListInto(top, &paths));
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  absl::Status Probe() override {
    RETURN_IF_ERROR(CheckRoot());
    if (WEIR_BUGGIFY("probe_fails")) return absl::UnavailableError("the probe of a simulation fails");
    const std::string path = TemporaryIn(root_);
    absl::Status status = local::CreateFile(path, std::string(4096, 'w'));
    if (status.ok()) status = local::FsyncFolder(root_);
    Remove(path);
    return status.ok() ? status : Explain(status);
  }

  std::string UserPath(const std::string& path) const override {
    return absl::StrCat("file://", Full(path));
  }

 private:
  std::string Full(const std::string& path) const { return root_ + "/" + path; }

  absl::Status CheckRoot() const {
    if (IsFolder(root_)) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("the checkpoint storage ", root_,
                                               " is not there; create the folder or mount it"));
  }

  absl::StatusOr<std::string> ReadWhole(const std::string& path, std::string memory) {
    RETURN_IF_ERROR(CheckPath(path));
    absl::StatusOr<std::string> bytes = local::ReadFile(Full(path), std::move(memory));
    if (!bytes.ok()) return Explain(bytes.status());
    if (path == kStorageIdPath) id_seen_ = true;
    return bytes;
  }

  // kNotFound means that the file is missing, not the storage.
  absl::Status Explain(const absl::Status& status) const {
    RETURN_IF_ERROR(CheckRoot());
    if (absl::IsNotFound(status) && id_seen_ && !Exists(Full(kStorageIdPath))) {
      return absl::UnavailableError(absl::StrCat(
          "the checkpoint storage ", root_, " has lost its id file; is the path still mounted?"));
    }
    return status;
  }

  absl::Status Verify(const FileRef& file, const local::Digest& is) const {
    if (is.size_bytes != file.size_bytes) {
      return absl::DataLossError(absl::StrCat(UserPath(file.path), " is damaged: it has ",
                                              is.size_bytes, " bytes, ", file.size_bytes,
                                              " were written"));
    }
    if (is.crc32c != file.crc32c) {
      return absl::DataLossError(
          absl::StrCat(UserPath(file.path), " is damaged: its checksum differs"));
    }
    return absl::OkStatus();
  }

  std::string TemporaryIn(const std::string& folder) {
    return absl::StrCat(folder, "/", std::string(kTemporaryPrefix), absl::Hex(unique_), "-", counter_++);
  }

  absl::Status ListInto(const std::string& folder, std::vector<std::string>* paths) {
    const auto entries = fs::Default().List(folder);
    if (entries.error == ENOENT) return absl::OkStatus();  // removed since
    if (!entries.ok()) return local::FromErrno("cannot list", folder, entries.error);
    for (const fs::Entry& entry : entries.value) {
      const std::string path = folder + "/" + entry.name;
      if (entry.type == fs::FileType::kFolder) {
        RETURN_IF_ERROR(ListInto(path, paths));
      } else if (entry.type != fs::FileType::kFile) {
        continue;
      } else if (entry.name.starts_with(kTemporaryPrefix)) {
        RemoveIfOld(path);
      } else {
        paths->push_back(path.substr(root_.size() + 1));
      }
    }
    return absl::OkStatus();
  }

  // A file whose fsync failed once: a second fsync would succeed and prove nothing, and what is read may go at any time.
  // Its owner has to begin anew, with other files.
  absl::Status CheckNotLost(const std::string& local_path) {
    std::lock_guard lock(mutex_);
    if (!lost_.contains(local_path)) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("fsync of ", local_path, " failed before, so that its contents cannot be trusted any more"));
  }

  static void RemoveIfOld(const std::string& path) {
    const auto info = fs::Default().Stat(path);
    if (info.ok() && info.value.age_micros > kTemporaryMaxAgeMicros) Remove(path);
  }

  // A folder counts as durable once this process has fsynced its parents: that another one made it
  // proves nothing.
  absl::Status EnsureFolder(const std::string& folder) {
    if (folder.empty()) return absl::OkStatus();
    const std::string full = Full(folder);
    {
      std::lock_guard lock(mutex_);
      if (durable_folders_.contains(folder) && IsFolder(full)) return absl::OkStatus();
    }
    RETURN_IF_ERROR(MakeFolders(full));
    for (std::string up = folder; !up.empty(); up = ParentOf(up)) {
      RETURN_IF_ERROR(local::FsyncFolder(ParentOf(Full(up))));
    }
    std::lock_guard lock(mutex_);
    durable_folders_.insert(folder);
    return absl::OkStatus();
  }

  absl::Status Create(const std::string& path,
                      const std::function<absl::Status(const std::string&)>& fill,
                      const std::function<absl::Status()>& before_rename) {
    RETURN_IF_ERROR(CheckPath(path));
    RETURN_IF_ERROR(CheckRoot());
    const std::string full = Full(path);
    if (Exists(full)) return local::FromErrno("cannot create", full, EEXIST);
    absl::Status status;
    std::string temporary;
    // Another process may remove an empty folder between its making and the first file in it.
    for (int tries = 0; tries < 10; ++tries) {
      temporary = TemporaryIn(ParentOf(full));
      status = EnsureFolder(ParentOf(path));
      if (status.ok()) status = fill(temporary);
      if (!absl::IsNotFound(status) || IsFolder(ParentOf(full))) break;
    }
    if (status.ok() && before_rename) status = before_rename();
    if (status.ok()) status = local::RenameNoReplace(temporary, full);
    if (!status.ok()) {
      Remove(temporary);
      return absl::IsNotFound(status) ? Explain(status) : status;
    }
    return local::FsyncFolder(ParentOf(full));
  }

  const std::string root_;
  const uint64_t unique_ = RandomSeed();
  std::atomic<uint64_t> counter_{0};
  std::atomic<bool> id_seen_;
  runtime::Mutex mutex_;
  std::set<std::string> durable_folders_;  // guarded by mutex_
  std::set<std::string> lost_;             // local files, guarded by mutex_
};

}  // namespace

absl::StatusOr<std::unique_ptr<Storage>> OpenFileStorage(const std::string& uri, RootFolder root) {
  const std::string_view path =
      std::string_view(uri).substr(uri.starts_with(kScheme) ? kScheme.size() : 0);
  if (!uri.starts_with(kScheme) || !path.starts_with('/')) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", uri, "' is no checkpoint storage: expected file:///absolute/path"));
  }
  std::string folder(path);
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  if (root == RootFolder::kCreate && !IsFolder(folder)) {
    RETURN_IF_ERROR(MakeFolders(folder));
    const fs::Errno error = fs::SyncFoldersAbove(fs::Default(), folder);
    if (error != 0) return local::FromErrno("cannot fsync the folders above", folder, error);
  }
  if (!IsFolder(folder)) {
    return absl::UnavailableError(absl::StrCat("the checkpoint storage ", folder,
                                               " is not there; create the folder or mount it"));
  }
  return std::make_unique<FileStorage>(std::move(folder));
}

}  // namespace weir::checkpoint
