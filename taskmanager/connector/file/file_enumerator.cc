#include "taskmanager/connector/file/file_enumerator.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/file/file_error.h"
#include "taskmanager/connector/file/file_split.h"

namespace weir::taskmanager::file {
namespace {

struct Found {
  std::string path;
  FileIdentity identity;
};

absl::StatusOr<std::vector<std::string>> PathsOf(const std::string& path) {
  if (path.find_first_of("*?[") == std::string::npos) return std::vector<std::string>{path};
  ::glob_t matches{};
  const int result = ::glob(path.c_str(), GLOB_NOSORT | GLOB_ERR, nullptr, &matches);
  std::vector<std::string> paths(matches.gl_pathv, matches.gl_pathv + (result == 0 ? matches.gl_pathc : 0));
  ::globfree(&matches);
  if (result != 0 && result != GLOB_NOMATCH) return FileError(EACCES, "search", path, true);
  if (paths.empty()) return absl::InvalidArgumentError(absl::StrCat("no file matches ", path));
  std::sort(paths.begin(), paths.end());  // by bytes: the same in every locale
  return paths;
}

}  // namespace

absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> FileEnumerator::Enumerate(int32_t parallelism) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, PathsOf(path_));
  const bool one = paths.size() == 1 && paths[0] == path_;
  std::vector<Found> files;
  int64_t total = 0;
  for (const std::string& path : paths) {
    // Not blocking: a named pipe would wait for its writer.
    OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.ok()) return FileError(errno, "open", path, true);
    struct ::stat info {};
    if (::fstat(file.fd(), &info) != 0) return FileError(errno, "look at", path, true);
    if (!S_ISREG(info.st_mode)) {
      if (!one) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(path, S_ISDIR(info.st_mode) ? absl::StrCat(" is a folder; its files are ", path, "/*")
                                                   : std::string(" is not a regular file")));
    }
    if (info.st_size == 0) continue;  // no rows, and nothing to find again
    ASSIGN_OR_RETURN(const FileIdentity identity, Identify(file, path, info.st_size));
    files.push_back({path, identity});
    total += info.st_size;
  }
  if (files.empty() && !one) {
    for (const std::string& path : paths) {
      struct ::stat info {};
      if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode))
        return std::vector<checkpoint::SourceSplits::Split>{};
    }
    return absl::InvalidArgumentError(absl::StrCat("only folders match ", path_));
  }

  const int64_t fair = total / (int64_t{4} * std::max(parallelism, 1)) + 1;
  int64_t range = std::clamp(fair, kSmallestRangeBytes, kRangeBytes);
  range = std::max(range, total / kMostRanges + 1);
  std::vector<checkpoint::SourceSplits::Split> splits;
  for (const Found& file : files) {
    const int64_t size = file.identity.size;
    const int64_t step = splittable_ ? range : size;
    for (int64_t begin = 0; begin < size; begin += step) {
      splits.push_back({EncodeSplit({file.path, begin, std::min(begin + step, size), file.identity}), file.path});
    }
  }
  return splits;
}

}  // namespace weir::taskmanager::file
