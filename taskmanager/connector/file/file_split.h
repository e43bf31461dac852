#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "taskmanager/connector/file/open_file.h"

namespace weir::taskmanager::file {

/// What tells a file from another one under the same name: its size when the job started, and checksums of its first
/// and last bytes. No time stamp: a copy or a restored backup of the same file is the same input.
struct FileIdentity {
  static constexpr int64_t kProbeBytes = 4096;

  int64_t size = 0;
  uint32_t head_crc = 0;  // of the first kProbeBytes
  uint32_t tail_crc = 0;  // of the kProbeBytes before `size`
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// A part of a file: the lines that start in [begin, end). What was appended behind identity.size is not read.
struct FileSplit {
  std::string path;
  int64_t begin = 0;
  int64_t end = 0;
  FileIdentity identity;
  friend bool operator==(const FileSplit&, const FileSplit&) = default;
};

std::string EncodeSplit(const FileSplit& split);
absl::StatusOr<FileSplit> DecodeSplit(const std::string& payload);

/// The identity of an open file taken to be `size` bytes long. kFailedPrecondition: it is shorter.
absl::StatusOr<FileIdentity> Identify(const OpenFile& file, const std::string& path, int64_t size);

/// Opens the file of a split that was found earlier.
/// Errors:  kFailedPrecondition: SOURCE_FILE_MISSING or SOURCE_FILE_CHANGED, with the path.
absl::StatusOr<OpenFile> OpenSplit(const FileSplit& split);

}  // namespace weir::taskmanager::file
