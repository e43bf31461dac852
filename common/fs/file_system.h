#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::fs {

/// An errno value; 0: it worked. Not a Status: each room says what failed in its own words and with its own codes, and
/// some go by the very value (EEXIST, ENOENT, EXDEV).
using Errno = int;

template <class T>
struct [[nodiscard]] OrErrno {
  Errno error = 0;
  T value{};
  bool ok() const { return error == 0; }
};

enum class OpenMode {
  kRead,         // must be there
  kReadNoBlock,  // the same, and a named pipe does not wait for its writer
  kCreate,       // for writing, must not be there: EEXIST
  kCreateLarge,  // the same; whole blocks of what is appended first go past the system's cache, if the disk takes them so
  kReplace,      // for writing; made if need be, emptied if not
};

enum class FileType { kFile, kFolder, kOther };

struct FileInfo {
  FileType type = FileType::kOther;
  int64_t size = 0;
  int64_t age_micros = 0;  // since it was last written
  uint64_t device = 0;     // with `inode`: which file it is, whatever its name
  uint64_t inode = 0;
};

struct Entry {
  std::string name;
  FileType type = FileType::kOther;
};

/// An open file; its end closes it. Thread: one at a time.
class File {
 public:
  virtual ~File() = default;
  /// Fewer than `size` bytes only at the end of the file.
  virtual OrErrno<size_t> ReadAt(int64_t offset, char* to, size_t size) = 0;
  /// Writes all of it behind what this object has written. After an error any part of it may be there.
  [[nodiscard]] virtual Errno Append(std::string_view bytes) = 0;
  /// fsync of the contents. After an error what was written is to be taken for lost: a second call that succeeds
  /// proves nothing.
  [[nodiscard]] virtual Errno Sync() = 0;
  virtual OrErrno<FileInfo> Stat() = 0;
  /// A hint: it will be read from beginning to end.
  virtual void ReadAhead() {}
};

/// Held by a process until this object ends or the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// What the product asks of a file system, call by call as POSIX has it.
///
/// Thread:  thread-safe. Every call may block.
/// Shape:   paths are absolute or relative to the process's folder. Contents are durable after File::Sync, names
///          (created, renamed, removed) after SyncFolder of the folder that they are in.
/// Source:  POSIX.1-2017; Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual OrErrno<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual OrErrno<FileInfo> Stat(const std::string& path) = 0;
  /// Names in a folder, unsorted, without `.` and `..`.
  virtual OrErrno<std::vector<Entry>> List(const std::string& folder) = 0;
  /// What a shell pattern matches, unsorted; nothing: an empty list.
  virtual OrErrno<std::vector<std::string>> Glob(const std::string& pattern) = 0;
  /// May files be made in this folder? EACCES, EROFS.
  [[nodiscard]] virtual Errno CheckWritable(const std::string& folder) = 0;

  [[nodiscard]] virtual Errno MakeFolder(const std::string& path) = 0;
  /// An empty one.
  [[nodiscard]] virtual Errno RemoveFolder(const std::string& path) = 0;
  [[nodiscard]] virtual Errno Unlink(const std::string& path) = 0;
  /// Replaces what has the name, in one step.
  [[nodiscard]] virtual Errno Rename(const std::string& from, const std::string& to) = 0;
  /// EEXIST when `to` is there (and is another file: two names of one file become one).
  [[nodiscard]] virtual Errno RenameNoReplace(const std::string& from, const std::string& to) = 0;
  /// A second name of a file.
  [[nodiscard]] virtual Errno Link(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Errno SyncFolder(const std::string& folder) = 0;
  /// Makes the file if need be, locks it, and writes `owner` into it, for whoever finds it locked (EWOULDBLOCK).
  virtual OrErrno<std::unique_ptr<FileLock>> Lock(const std::string& path, std::string_view owner) = 0;
};

/// The file system that this process works on: the machine's, unless a simulation has put its own in its place.
FileSystem& Default();
/// For simulations and tests; null: the machine's. It must outlive its use.
void SetDefault(FileSystem* file_system);

/// `/` for `/a`, empty for `a`.
std::string ParentOf(const std::string& path);
bool Exists(FileSystem& in, const std::string& path);
bool IsFolder(FileSystem& in, const std::string& path);
/// A file's contents, as long as it is when it is opened. EISDIR: it is something else than a file. `memory` is
/// what they may lie in.
OrErrno<std::string> ReadWhole(FileSystem& in, const std::string& path, std::string memory = {});
/// With those above it; one that is there is fine. `failed` (if given) gets the path that could not be made.
[[nodiscard]] Errno MakeFolders(FileSystem& in, const std::string& path, std::string* failed = nullptr);
/// Makes the names of a folder and of those above it durable, as far up as this process may.
[[nodiscard]] Errno SyncFoldersAbove(FileSystem& in, const std::string& path);
/// A file, or a folder with all in it; nothing there is fine.
[[nodiscard]] Errno RemoveAll(FileSystem& in, const std::string& path);

}  // namespace weir::fs
