#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"

namespace weir::checkpoint {

/// A durable file store for checkpoints: whole files, written once, never changed.
///
/// Thread:  thread-safe; every call may block on I/O.
/// Shape:   paths are relative, `/`-separated, without `..`; folders come into being by writing into them.
/// Errors:  kNotFound; kUnavailable = the storage (not the file) is not there: retry, conclude nothing;
///          kResourceExhausted = full; kDataLoss = the bytes are not what FileRef says; kAlreadyExists.
class Storage {
 public:
  virtual ~Storage() = default;

  /// Writes a whole file: temporary name, fsync, rename without replacing, fsync of the folder. Durable when it returns.
  virtual absl::StatusOr<FileRef> Write(const std::string& path, std::string_view bytes) = 0;
  /// Like Write, with `before_rename` and `after_rename` called around the rename (failpoints of the manifest).
  virtual absl::StatusOr<FileRef> Write(const std::string& path, std::string_view bytes,
                                        const std::function<absl::Status()>& before_rename,
                                        const std::function<absl::Status()>& after_rename) = 0;
  /// Stores a local file under `path` (hard link where possible, else copy), fsynced.
  virtual absl::StatusOr<FileRef> Store(const std::string& local_path, const std::string& path) = 0;
  /// Reads and verifies a whole file.
  virtual absl::StatusOr<std::string> Read(const FileRef& file) = 0;
  /// The same in the memory of what was read before: half of the time of reading goes into new pages.
  virtual absl::StatusOr<std::string> ReadInto(std::string memory, const FileRef& file) {
    memory.clear();
    return Read(file);
  }
  /// Reads a file that carries its own checksum.
  virtual absl::StatusOr<std::string> ReadUnverified(const std::string& path) = 0;
  /// Makes a local copy (never a link: a database may change its files) and verifies it. The copy is not durable.
  virtual absl::Status Fetch(const FileRef& file, const std::string& local_path) = 0;
  /// Puts a second name on a stored file, or copies it; durable when it returns.
  virtual absl::StatusOr<FileRef> Copy(const FileRef& file, const std::string& path) = 0;
  /// Not existing is OK.
  virtual absl::Status Delete(const std::string& path) = 0;
  /// All files below `folder`, paths relative to the root, sorted; temporary ones left out.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;
  /// Writes, fsyncs and deletes a probe file.
  virtual absl::Status Probe() = 0;
  /// For messages and for `--from`: how a user names that path.
  virtual std::string UserPath(const std::string& path) const = 0;
};

}  // namespace weir::checkpoint
