#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "taskmanager/connector/file/open_file.h"

namespace weir::taskmanager::file {

/// Tells the line of a byte, for messages about bad rows.
///
/// Thread:  confined.
/// Why:     lines are only counted when somebody has to be told one; what was counted of a file is remembered, so
/// that
///          many bad rows cost one pass over it.
class LineNumbers {
 public:
  /// The 1-based line in which byte `offset` lies; 0 when the file cannot be read.
  int64_t LineAt(const std::string& path, int64_t offset);

 private:
  struct Known {
    int64_t offset = 0;
    int64_t line = 1;
  };
  std::map<std::string, Known> known_;
};

}  // namespace weir::taskmanager::file
