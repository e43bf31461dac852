#include "taskmanager/connector/file/file_error.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::file {

absl::Status FileError(int error, const char* what, const std::string& path, bool user) {
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENAMETOOLONG:
      if (user) return absl::InvalidArgumentError(message);
      break;
    default:
      break;
  }
  return absl::UnavailableError(message);
}

}  // namespace weir::taskmanager::file
