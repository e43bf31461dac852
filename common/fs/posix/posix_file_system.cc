#include "common/fs/posix/posix_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::fs {
namespace {

Errno Result(int returned) { return returned == 0 ? 0 : errno; }

FileType TypeOf(mode_t mode) {
  if (S_ISREG(mode)) return FileType::kFile;
  return S_ISDIR(mode) ? FileType::kFolder : FileType::kOther;
}

FileInfo InfoOf(const struct ::stat& from) {
  ::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  FileInfo info;
  info.type = TypeOf(from.st_mode);
  info.size = from.st_size;
  info.age_micros = (now.tv_sec - from.st_mtim.tv_sec) * 1'000'000 + (now.tv_nsec - from.st_mtim.tv_nsec) / 1000;
  info.device = from.st_dev;
  info.inode = from.st_ino;
  return info;
}

// Memory, offsets and sizes of direct I/O: a page suits every disk.
constexpr size_t kDirectAlignment = 4096;
constexpr size_t kDirectBlock = 1 << 20;

struct Freed {
  void operator()(char* p) const { std::free(p); }
};

class PosixFile final : public File {
 public:
  explicit PosixFile(int fd) : fd_(fd) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  OrErrno<size_t> ReadAt(int64_t offset, char* to, size_t size) override {
    size_t got = 0;
    while (got < size) {
      const ssize_t n = ::pread(fd_, to + got, size - got, offset + static_cast<int64_t>(got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return {errno, got};
      if (n == 0) break;
      got += static_cast<size_t>(n);
    }
    return {0, got};
  }

  /// Until the first part of a page is appended, O_DIRECT is set. File systems without it say so here or at the first write.
  void TryDirect() { direct_ = ::fcntl(fd_, F_SETFL, O_DIRECT) == 0; }

  Errno Append(std::string_view bytes) override {
    if (direct_) {
      if (const Errno error = AppendPages(&bytes); error != 0) return error;
    }
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return 0;
  }

  Errno Sync() override { return Result(::fsync(fd_)); }

  OrErrno<FileInfo> Stat() override {
    struct ::stat info {};
    if (::fstat(fd_, &info) != 0) return {errno, {}};
    return {0, InfoOf(info)};
  }

  void ReadAhead() override { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL); }

 private:
  // Takes the pages that it wrote off `*bytes`. What is left goes through the system's cache, as all that follows.
  Errno AppendPages(std::string_view* bytes) {
    std::unique_ptr<char, Freed> aligned;
    while (bytes->size() >= kDirectAlignment) {
      const size_t size = std::min(bytes->size() / kDirectAlignment * kDirectAlignment, kDirectBlock);
      const char* from = bytes->data();
      if (reinterpret_cast<uintptr_t>(from) % kDirectAlignment != 0) {
        if (aligned == nullptr) aligned.reset(static_cast<char*>(std::aligned_alloc(kDirectAlignment, kDirectBlock)));
        if (aligned == nullptr) break;
        std::memcpy(aligned.get(), from, size);
        from = aligned.get();
      }
      const ssize_t n = ::write(fd_, from, size);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno != EINVAL) return errno;
      if (n > 0) bytes->remove_prefix(static_cast<size_t>(n));
      // Refused, or the disk is nearly full: the other way tells.
      if (n < 0 || static_cast<size_t>(n) % kDirectAlignment != 0) break;
    }
    direct_ = false;
    return Result(::fcntl(fd_, F_SETFL, 0));
  }

  const int fd_;
  bool direct_ = false;
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  ~PosixLock() override { ::close(fd_); }
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;

 private:
  const int fd_;
};

int FlagsOf(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadNoBlock:
      return O_RDONLY | O_NONBLOCK;
    case OpenMode::kCreate:
    case OpenMode::kCreateLarge:
      return O_WRONLY | O_CREAT | O_EXCL;
    case OpenMode::kReplace:
      break;
  }
  return O_WRONLY | O_CREAT | O_TRUNC;
}

class PosixFileSystem final : public FileSystem {
 public:
  OrErrno<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    const int fd = ::open(path.c_str(), FlagsOf(mode) | O_CLOEXEC, 0644);
    if (fd < 0) return {errno, nullptr};
    auto file = std::make_unique<PosixFile>(fd);
    if (mode == OpenMode::kCreateLarge) file->TryDirect();
    return {0, std::move(file)};
  }

  OrErrno<FileInfo> Stat(const std::string& path) override {
    struct ::stat info {};
    if (::stat(path.c_str(), &info) != 0) return {errno, {}};
    return {0, InfoOf(info)};
  }

  OrErrno<std::vector<Entry>> List(const std::string& folder) override {
    std::vector<Entry> entries;
    ::DIR* const open = ::opendir(folder.c_str());
    if (open == nullptr) return {errno, {}};
    errno = 0;
    while (const ::dirent* entry = ::readdir(open)) {
      const std::string_view name = entry->d_name;
      FileType type = FileType::kOther;
      if (entry->d_type == DT_REG) type = FileType::kFile;
      if (entry->d_type == DT_DIR) type = FileType::kFolder;
      if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
        const OrErrno<FileInfo> info = Stat(folder + "/" + entry->d_name);
        // A folder behind a link is not one of the tree that is listed.
        if (info.ok() && !(entry->d_type == DT_LNK && info.value.type == FileType::kFolder)) type = info.value.type;
      }
      if (name != "." && name != "..") entries.push_back({entry->d_name, type});
      errno = 0;
    }
    const Errno error = errno;
    ::closedir(open);
    return {error, std::move(entries)};
  }

  OrErrno<std::vector<std::string>> Glob(const std::string& pattern) override {
    ::glob_t matches{};
    const int result = ::glob(pattern.c_str(), GLOB_NOSORT | GLOB_ERR, nullptr, &matches);
    std::vector<std::string> paths(matches.gl_pathv, matches.gl_pathv + (result == 0 ? matches.gl_pathc : 0));
    ::globfree(&matches);
    return {result == 0 || result == GLOB_NOMATCH ? 0 : EACCES, std::move(paths)};
  }

  Errno CheckWritable(const std::string& folder) override { return Result(::access(folder.c_str(), W_OK | X_OK)); }
  Errno MakeFolder(const std::string& path) override { return Result(::mkdir(path.c_str(), 0777)); }
  Errno RemoveFolder(const std::string& path) override { return Result(::rmdir(path.c_str())); }
  Errno Unlink(const std::string& path) override { return Result(::unlink(path.c_str())); }
  Errno Rename(const std::string& from, const std::string& to) override {
    return Result(::rename(from.c_str(), to.c_str()));
  }

  Errno RenameNoReplace(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (errno == EEXIST) return SameFile(from, to) ? Result(::unlink(from.c_str())) : EEXIST;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) return errno;
    // A file system without that flag: a hard link does not replace either. A crash between the two calls leaves both
    // names of one file.
    if (::link(from.c_str(), to.c_str()) != 0) {
      const Errno error = errno;
      if (error != EEXIST || !SameFile(from, to)) return error;
    }
    return Result(::unlink(from.c_str()));
  }

  Errno Link(const std::string& from, const std::string& to) override {
    return Result(::link(from.c_str(), to.c_str()));
  }

  Errno SyncFolder(const std::string& folder) override {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    const Errno error = Result(::fsync(fd));
    ::close(fd);
    return error;
  }

  OrErrno<std::unique_ptr<FileLock>> Lock(const std::string& path, std::string_view owner) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return {errno, nullptr};
    auto lock = std::make_unique<PosixLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return {errno, nullptr};
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, owner.data(), owner.size(), 0) < 0) return {errno, nullptr};
    return {0, std::move(lock)};
  }

 private:
  bool SameFile(const std::string& a, const std::string& b) {
    const OrErrno<FileInfo> x = Stat(a), y = Stat(b);
    return x.ok() && y.ok() && x.value.device == y.value.device && x.value.inode == y.value.inode && a != b;
  }
};

}  // namespace

FileSystem& Posix() {
  static PosixFileSystem* const file_system = new PosixFileSystem;
  return *file_system;
}

}  // namespace weir::fs
