#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir::taskmanager::file {

/// A folder that a file sink writes into. It has a random id, in `.weir-id`, by which a TaskManager on another
/// machine can tell that it sees the same folder.
///
/// Thread:  thread-safe (it holds nothing but the path).
/// Errors:  as FileError, with the path.
class OutputFolder {
 public:
  explicit OutputFolder(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }
  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }

  /// Makes the folder (and those above it) if need be, checks that files can be written, makes the id if there is
  /// none. Gives the id. kInvalidArgument: the user chose a folder that cannot be written.
  absl::StatusOr<std::string> Prepare() const;
  /// The id; kNotFound when the folder or its id is not there.
  absl::StatusOr<std::string> ReadId() const;
  /// Gives `from` the name `to`, never replacing anything: kAlreadyExists, kNotFound (`from` is not there).
  absl::Status Rename(const std::string& from, const std::string& to) const;
  /// Makes names durable.
  absl::Status Sync() const;
  /// Names of all that lies in it; none if there is no folder.
  absl::StatusOr<std::vector<std::string>> List() const;
  /// Removes a file; one that is gone is fine.
  absl::Status Remove(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace weir::taskmanager::file
