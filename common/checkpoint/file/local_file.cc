#include "common/checkpoint/file/local_file.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "common/fs/file_system.h"

namespace weir::checkpoint::local {
namespace {

constexpr size_t kBlock = 1 << 20;
// From here on a file goes past the system's cache, which would cost a copy and new pages for what is seldom read again.
// Smaller files of state are: they are joined.
constexpr size_t kLargeFile = 8 << 20;

absl::StatusOr<std::unique_ptr<fs::File>> Open(const std::string& path, fs::OpenMode mode) {
  auto file = fs::Default().Open(path, mode);
  if (!file.ok()) return FromErrno(mode == fs::OpenMode::kRead ? "cannot open" : "cannot create", path, file.error);
  return std::move(file.value);
}

absl::Status Append(fs::File& file, const std::string& path, std::string_view bytes) {
  const fs::Errno error = file.Append(bytes);
  return error == 0 ? absl::OkStatus() : FromErrno("cannot write", path, error);
}

absl::Status Fsync(fs::File& file, const std::string& path) {
  const fs::Errno error = file.Sync();
  return error == 0 ? absl::OkStatus() : FromErrno("cannot fsync", path, error);
}

void Remove(const std::string& path) { (void)fs::Default().Unlink(path); }

// Calls `sink` with block after block of the file.
absl::StatusOr<Digest> ReadBlocks(const std::string& path,
                                  const std::function<absl::Status(std::string_view)>& sink) {
  ASSIGN_OR_RETURN(const auto in, Open(path, fs::OpenMode::kRead));
  std::vector<char> block(kBlock);
  Digest digest;
  for (;;) {
    const auto n = in->ReadAt(static_cast<int64_t>(digest.size_bytes), block.data(), block.size());
    if (!n.ok()) return FromErrno("cannot read", path, n.error);
    if (n.value == 0) return digest;
    const std::string_view bytes(block.data(), n.value);
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
  ASSIGN_OR_RETURN(const auto out,
                   Open(path, bytes.size() < kLargeFile ? fs::OpenMode::kCreate : fs::OpenMode::kCreateLarge));
  absl::Status status = Append(*out, path, bytes);
  if (status.ok()) status = Fsync(*out, path);
  if (!status.ok()) Remove(path);
  return status;
}

absl::StatusOr<Digest> CopyFile(const std::string& from, const std::string& to, Durable durable) {
  ASSIGN_OR_RETURN(const auto out, Open(to, fs::OpenMode::kCreate));
  absl::StatusOr<Digest> digest = ReadBlocks(from, [&](std::string_view bytes) { return Append(*out, to, bytes); });
  if (digest.ok() && durable == Durable::kYes) {
    if (absl::Status synced = Fsync(*out, to); !synced.ok()) digest = synced;
  }
  if (!digest.ok()) Remove(to);
  return digest;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, std::string memory) {
  auto bytes = fs::ReadWhole(fs::Default(), path, std::move(memory));
  if (bytes.error == EISDIR) return absl::NotFoundError(absl::StrCat(path, " is not a file"));
  if (!bytes.ok()) return FromErrno("cannot read", path, bytes.error);
  return std::move(bytes.value);
}

absl::StatusOr<Digest> DigestFile(const std::string& path) {
  return ReadBlocks(path, [](std::string_view) { return absl::OkStatus(); });
}

absl::Status FsyncFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, Open(path, fs::OpenMode::kRead));
  return Fsync(*file, path);
}

absl::Status FsyncFolder(const std::string& path) {
  const fs::Errno error = fs::Default().SyncFolder(path);
  return error == 0 ? absl::OkStatus() : FromErrno("cannot fsync", path, error);
}

absl::Status RenameNoReplace(const std::string& from, const std::string& to) {
  const fs::Errno error = fs::Default().RenameNoReplace(from, to);
  return error == 0 ? absl::OkStatus() : FromErrno("cannot rename to", to, error);
}

}  // namespace weir::checkpoint::local
