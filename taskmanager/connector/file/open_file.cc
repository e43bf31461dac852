#include "taskmanager/connector/file/open_file.h"

#include "taskmanager/connector/file/file_error.h"

namespace weir::taskmanager::file {

absl::StatusOr<size_t> ReadAt(const OpenFile& file, const std::string& path, int64_t offset, char* to, size_t size) {
  const auto got = file->ReadAt(offset, to, size);
  if (!got.ok()) return FileError(got.error, "read", path);
  return got.value;
}

absl::Status WriteAll(const OpenFile& file, const std::string& path, const char* from, size_t size) {
  const fs::Errno error = file->Append({from, size});
  return error == 0 ? absl::OkStatus() : FileError(error, "write", path);
}

}  // namespace weir::taskmanager::file
