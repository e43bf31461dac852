#include "taskmanager/connector/file/open_file.h"

#include <cerrno>

#include "taskmanager/connector/file/file_error.h"

namespace weir::taskmanager::file {

absl::StatusOr<size_t> ReadAt(const OpenFile& file, const std::string& path, int64_t offset, char* to, size_t size) {
  size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(file.fd(), to + got, size - got, offset + static_cast<int64_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(errno, "read", path);
    if (n == 0) break;
    got += static_cast<size_t>(n);
  }
  return got;
}

absl::Status WriteAll(const OpenFile& file, const std::string& path, const char* from, size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(file.fd(), from, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(errno, "write", path);
    from += n;
    size -= static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::file
