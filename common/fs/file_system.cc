#include "common/fs/file_system.h"

#include <atomic>
#include <cerrno>
#include <utility>

#include "common/fs/posix/posix_file_system.h"

namespace weir::fs {
namespace {

std::atomic<FileSystem*> replacement{nullptr};

}  // namespace

FileSystem& Default() {
  FileSystem* const other = replacement.load(std::memory_order_acquire);
  return other != nullptr ? *other : Posix();
}

void SetDefault(FileSystem* file_system) { replacement.store(file_system, std::memory_order_release); }

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool Exists(FileSystem& in, const std::string& path) { return in.Stat(path).ok(); }

bool IsFolder(FileSystem& in, const std::string& path) {
  const OrErrno<FileInfo> info = in.Stat(path);
  return info.ok() && info.value.type == FileType::kFolder;
}

OrErrno<std::string> ReadWhole(FileSystem& in, const std::string& path, std::string memory) {
  const auto file = in.Open(path, OpenMode::kRead);
  if (!file.ok()) return {file.error, {}};
  const auto info = file.value->Stat();
  if (!info.ok()) return {info.error, {}};
  if (info.value.type != FileType::kFile) return {EISDIR, {}};
  const auto size = static_cast<size_t>(info.value.size);
  if (memory.capacity() < size) memory = std::string();  // nothing to be copied while it grows
  memory.resize(size);
  const auto got = file.value->ReadAt(0, memory.data(), size);
  if (!got.ok()) return {got.error, {}};
  memory.resize(got.value);
  return {0, std::move(memory)};
}

Errno MakeFolders(FileSystem& in, const std::string& path, std::string* failed) {
  if (path.empty() || path == "/" || IsFolder(in, path)) return 0;
  if (const Errno error = MakeFolders(in, ParentOf(path), failed); error != 0) return error;
  const Errno error = in.MakeFolder(path);
  if (error == 0 || (error == EEXIST && IsFolder(in, path))) return 0;
  if (failed != nullptr) *failed = path;
  return error == EEXIST ? ENOTDIR : error;
}

Errno SyncFoldersAbove(FileSystem& in, const std::string& path) {
  for (std::string up = path; !up.empty() && up != "/"; up = ParentOf(up)) {
    const std::string above = ParentOf(up);
    const Errno error = in.SyncFolder(above.empty() ? "." : above);
    // Folders of others, or of a kind that knows no fsync: ours lie below.
    if (error == EACCES || error == EPERM || error == EINVAL || error == EROFS) return 0;
    if (error != 0) return error;
  }
  return 0;
}

Errno RemoveAll(FileSystem& in, const std::string& path) {
  const Errno unlinked = in.Unlink(path);
  if (unlinked == 0 || unlinked == ENOENT || unlinked == ENOTDIR) return 0;
  if (unlinked != EISDIR && unlinked != EPERM) return unlinked;
  const OrErrno<std::vector<Entry>> entries = in.List(path);
  if (entries.error == ENOENT) return 0;
  if (!entries.ok()) return unlinked == EPERM ? EPERM : entries.error;
  for (const Entry& entry : entries.value) {
    if (const Errno error = RemoveAll(in, path + "/" + entry.name); error != 0) return error;
  }
  const Errno removed = in.RemoveFolder(path);
  return removed == ENOENT ? 0 : removed;
}

}  // namespace weir::fs
