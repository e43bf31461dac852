#include "taskmanager/connector/file/file_enumerator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/fs/file_system.h"
#include "common/security/path_roots.h"
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
  auto found = fs::Default().Glob(path);
  if (!found.ok()) return FileError(found.error, "search", path, true);
  if (found.value.empty()) return absl::InvalidArgumentError(absl::StrCat("no file matches ", path));
  std::sort(found.value.begin(), found.value.end());  // by bytes: the same in every locale
  return std::move(found.value);
}

}  // namespace

absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> FileEnumerator::Enumerate(int32_t parallelism) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, PathsOf(path_));
  const bool one = paths.size() == 1 && paths[0] == path_;
  std::vector<Found> files;
  int64_t total = 0;
  for (const std::string& path : paths) {
    if (roots_ != nullptr) RETURN_IF_ERROR(roots_->Check(path));
    // Not blocking: a named pipe would wait for its writer.
    const auto file = fs::Default().Open(path, fs::OpenMode::kReadNoBlock);
    if (!file.ok()) return FileError(file.error, "open", path, true);
    const auto info = file.value->Stat();
    if (!info.ok()) return FileError(info.error, "look at", path, true);
    const int64_t size = info.value.size;
    if (info.value.type != fs::FileType::kFile) {
      if (!one) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(path, info.value.type == fs::FileType::kFolder
                                 ? absl::StrCat(" is a folder; its files are ", path, "/*")
                                 : std::string(" is not a regular file")));
    }
    if (size == 0) continue;  // no rows, and nothing to find again
    ASSIGN_OR_RETURN(const FileIdentity identity, Identify(file.value, path, size));
    files.push_back({path, identity});
    total += size;
  }
  if (files.empty() && !one) {
    for (const std::string& path : paths) {
      const auto info = fs::Default().Stat(path);
      if (info.ok() && info.value.type == fs::FileType::kFile)
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
