#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace weir::security {

/// The folders below which jobs may name files.
///
/// Thread:  thread-safe; blocks on the file system.
/// Shape:   a path is inside when what it leads to is: symbolic links are followed first, `..` too.
///          Of a path that does not exist yet its longest existing part counts, and the rest may
///          hold no `..`.
/// Errors:  Check: kInvalidArgument with path and roots; counted and logged.
class PathRoots {
 public:
  /// Every path is inside.
  static PathRoots Any();
  explicit PathRoots(std::vector<std::string> roots);

  /// These and one more.
  PathRoots With(std::string root) const;

  absl::Status Check(const std::string& path) const;
  /// A path that may hold `*`, `?` and `[`: what stands before them is checked. Of what is found
  /// each must be checked too.
  absl::Status CheckPattern(const std::string& pattern) const;

 private:
  PathRoots() = default;
  bool any_ = false;
  std::vector<std::string> roots_;
};

}  // namespace weir::security
