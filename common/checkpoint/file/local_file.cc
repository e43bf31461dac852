#include "common/checkpoint/file/local_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"

namespace weir::checkpoint::local {
namespace {

constexpr size_t kBlock = 1 << 20;

class Fd {
 public:
  Fd(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

absl::Status WriteAll(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return FromErrno("cannot write", path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status Fsync(int fd, const std::string& path) {
  return ::fsync(fd) == 0 ? absl::OkStatus() : FromErrno("cannot fsync", path, errno);
}

// Calls `sink` with block after block of the file.
absl::StatusOr<Digest> ReadBlocks(const std::string& path,
                                  const std::function<absl::Status(std::string_view)>& sink) {
  Fd in(path, O_RDONLY);
  if (!in.ok()) return FromErrno("cannot open", path, errno);
  std::vector<char> block(kBlock);
  Digest digest;
  for (;;) {
    const ssize_t n = ::read(in.get(), block.data(), block.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return FromErrno("cannot read", path, errno);
    }
    if (n == 0) return digest;
    const std::string_view bytes(block.data(), static_cast<size_t>(n));
    digest.size_bytes += bytes.size();
    digest.crc32c = Crc32c(bytes, digest.crc32c);
    RETURN_IF_ERROR(sink(bytes));
  }
}

}  // namespace

absl::Status FromErrno(std::string_view what, const std::string& path, int error) {
  const std::string message =
      absl::StrCat(std::string(what), " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::Status CreateFile(const std::string& path, std::string_view bytes) {
  Fd out(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!out.ok()) return FromErrno("cannot create", path, errno);
  absl::Status status = WriteAll(out.get(), path, bytes);
  if (status.ok()) status = Fsync(out.get(), path);
  if (!status.ok()) ::unlink(path.c_str());
  return status;
}

absl::StatusOr<Digest> CopyFile(const std::string& from, const std::string& to) {
  Fd out(to, O_WRONLY | O_CREAT | O_EXCL);
  if (!out.ok()) return FromErrno("cannot create", to, errno);
  absl::StatusOr<Digest> digest =
      ReadBlocks(from, [&](std::string_view bytes) { return WriteAll(out.get(), to, bytes); });
  if (digest.ok()) {
    if (absl::Status synced = Fsync(out.get(), to); !synced.ok()) digest = synced;
  }
  if (!digest.ok()) ::unlink(to.c_str());
  return digest;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  Fd in(path, O_RDONLY);
  if (!in.ok()) return FromErrno("cannot open", path, errno);
  struct stat info;
  if (::fstat(in.get(), &info) != 0) return FromErrno("cannot stat", path, errno);
  if (!S_ISREG(info.st_mode)) return absl::NotFoundError(absl::StrCat(path, " is not a file"));
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(in.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0) {
      if (errno == EINTR) continue;
      return FromErrno("cannot read", path, errno);
    }
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

absl::StatusOr<Digest> DigestFile(const std::string& path) {
  return ReadBlocks(path, [](std::string_view) { return absl::OkStatus(); });
}

absl::Status FsyncFile(const std::string& path) {
  Fd file(path, O_RDONLY);
  if (!file.ok()) return FromErrno("cannot open", path, errno);
  return Fsync(file.get(), path);
}

absl::Status FsyncFolder(const std::string& path) {
  Fd folder(path, O_RDONLY | O_DIRECTORY);
  if (!folder.ok()) return FromErrno("cannot open", path, errno);
  return Fsync(folder.get(), path);
}

absl::Status RenameNoReplace(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0)
    return absl::OkStatus();
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
    return FromErrno("cannot rename to", to, errno);
  // A file system without that flag: a hard link does not replace either.
  if (::link(from.c_str(), to.c_str()) != 0) return FromErrno("cannot link to", to, errno);
  ::unlink(from.c_str());
  return absl::OkStatus();
}

}  // namespace weir::checkpoint::local
