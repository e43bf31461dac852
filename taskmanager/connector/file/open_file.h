#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <unistd.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::taskmanager::file {

/// A file descriptor that closes itself. Thread: a value, moved.
class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int fd) : fd_(fd) {}
  OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~OpenFile() { Close(); }

  bool ok() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

/// Reads at most `size` bytes at `offset`, fewer only at the end of the file. `path` is for the message.
absl::StatusOr<size_t> ReadAt(const OpenFile& file, const std::string& path, int64_t offset, char* to, size_t size);

/// Writes all of it at the file's position.
absl::Status WriteAll(const OpenFile& file, const std::string& path, const char* from, size_t size);

}  // namespace weir::taskmanager::file
