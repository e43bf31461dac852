#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::checkpoint::local {

/// `what path: reason` with the code that the storage port promises: full -> kResourceExhausted,
/// ENOENT -> kNotFound, EEXIST -> kAlreadyExists, anything else -> kUnavailable.
absl::Status FromErrno(std::string_view what, const std::string& path, int error);

/// Size and CRC-32C of a file.
struct Digest {
  uint64_t size_bytes = 0;
  uint32_t crc32c = 0;
};

/// Creates `path` (which must not exist) with `bytes`, and fsyncs it. Removes it again when that
/// fails.
absl::Status CreateFile(const std::string& path, std::string_view bytes);
enum class Durable { kNo, kYes };
/// Copies `from` to `to` (which must not exist); kYes: fsyncs the copy.
absl::StatusOr<Digest> CopyFile(const std::string& from, const std::string& to, Durable durable);
/// `memory` is what the contents may lie in.
absl::StatusOr<std::string> ReadFile(const std::string& path, std::string memory);
absl::StatusOr<Digest> DigestFile(const std::string& path);
absl::Status FsyncFile(const std::string& path);
absl::Status FsyncFolder(const std::string& path);
/// Renames without replacing: kAlreadyExists when `to` is there. Both lie in one folder.
absl::Status RenameNoReplace(const std::string& from, const std::string& to);

}  // namespace weir::checkpoint::local
