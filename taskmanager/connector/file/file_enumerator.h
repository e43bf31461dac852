#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/source_reader.h"

namespace weir::taskmanager::file {

/// Finds the files of a path or a glob, sorted by name, and cuts them into ranges (a CSV file stays whole).
///
/// Thread:  a pool thread.
/// Shape:   group = the file's path. Ranges of 8 MiB; smaller ones where a small file has to feed several subtasks,
/// larger
///          ones so that a source has few hundred splits: the list is in every manifest.
/// Errors:  kInvalidArgument: nothing matches, a folder, not readable.
class FileEnumerator final : public SplitEnumerator {
 public:
  /// `roots`: where the files may lie; null: anywhere.
  FileEnumerator(std::string path, bool splittable, std::shared_ptr<const security::PathRoots> roots = nullptr)
      : path_(std::move(path)), splittable_(splittable), roots_(std::move(roots)) {}
  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t parallelism) override;

  static constexpr int64_t kRangeBytes = int64_t{8} << 20;
  static constexpr int64_t kSmallestRangeBytes = int64_t{64} << 10;
  static constexpr int64_t kMostRanges = 512;

 private:
  std::string path_;
  bool splittable_;
  std::shared_ptr<const security::PathRoots> roots_;
};

}  // namespace weir::taskmanager::file
