#include "taskmanager/connector/file/file_split.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/file/file_error.h"

namespace weir::taskmanager::file {
namespace {

constexpr uint8_t kVersion = 1;

absl::Status Changed(const std::string& path, const std::string& how) {
  return absl::FailedPreconditionError(
      absl::StrCat("SOURCE_FILE_CHANGED: ", path, " ", how,
                   " since the job first started; put the former file back, or submit the job anew"));
}

}  // namespace

std::string EncodeSplit(const FileSplit& split) {
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Put<uint8_t>(kVersion);
  writer.PutBytes(split.path);
  writer.PutVarint(static_cast<uint64_t>(split.begin));
  writer.PutVarint(static_cast<uint64_t>(split.end));
  writer.PutVarint(static_cast<uint64_t>(split.identity.size));
  writer.Put(split.identity.head_crc);
  writer.Put(split.identity.tail_crc);
  return bytes;
}

absl::StatusOr<FileSplit> DecodeSplit(const std::string& payload) {
  ByteReader reader(payload);
  const auto version = reader.Get<uint8_t>();
  FileSplit split;
  split.path = std::string(reader.GetBytes());
  split.begin = static_cast<int64_t>(reader.GetVarint());
  split.end = static_cast<int64_t>(reader.GetVarint());
  split.identity.size = static_cast<int64_t>(reader.GetVarint());
  split.identity.head_crc = reader.Get<uint32_t>();
  split.identity.tail_crc = reader.Get<uint32_t>();
  if (version != kVersion || !reader.AtEnd() || split.begin < 0 || split.end < split.begin ||
      split.identity.size < split.end) {
    return absl::DataLossError("not a split of a file source");
  }
  return split;
}

absl::StatusOr<FileIdentity> Identify(const OpenFile& file, const std::string& path, int64_t size) {
  FileIdentity identity{size, 0, 0};
  std::string bytes(static_cast<size_t>(std::min(size, FileIdentity::kProbeBytes)), '\0');
  ASSIGN_OR_RETURN(const size_t head, ReadAt(file, path, 0, bytes.data(), bytes.size()));
  if (head < bytes.size()) return Changed(path, "became shorter");
  identity.head_crc = Crc32c(bytes);
  ASSIGN_OR_RETURN(const size_t tail,
                   ReadAt(file, path, size - static_cast<int64_t>(bytes.size()), bytes.data(), bytes.size()));
  if (tail < bytes.size()) return Changed(path, "became shorter");
  identity.tail_crc = Crc32c(bytes);
  return identity;
}

absl::StatusOr<OpenFile> OpenSplit(const FileSplit& split) {
  auto opened = fs::Default().Open(split.path, fs::OpenMode::kRead);
  if (opened.error == ENOENT) {
    return absl::FailedPreconditionError(
        absl::StrCat("SOURCE_FILE_MISSING: ", split.path,
                     " was there when the job first started; put it back, or submit the job anew"));
  }
  if (!opened.ok()) return FileError(opened.error, "open", split.path);
  OpenFile file = std::move(opened.value);
  ASSIGN_OR_RETURN(const FileIdentity now, Identify(file, split.path, split.identity.size));
  if (now != split.identity) return Changed(split.path, "got other contents");
  file->ReadAhead();
  return file;
}

}  // namespace weir::taskmanager::file
