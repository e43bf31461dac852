#pragma once

#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/storage.h"

namespace weir::tests {

/// Checkpoint storage in memory that fails when told to. Thread: thread-safe.
class MemoryStorage final : public checkpoint::Storage {
 public:
  using FileRef = checkpoint::FileRef;

  /// The next `n` writes (of any kind) return `status`.
  void FailNextWrites(int n,
                      absl::Status status = absl::UnavailableError("storage: told to fail")) {
    std::lock_guard lock(mutex_);
    failures_ = n;
    failure_ = std::move(status);
  }
  /// While set, every write is refused as on a full disk.
  void SetFull(bool full) { full_ = full; }
  /// While set, nothing works.
  void SetMissing(bool missing) { missing_ = missing; }
  /// Changes a file in place, as a bad disk would.
  void Damage(const std::string& path, const std::function<void(std::string*)>& change) {
    std::lock_guard lock(mutex_);
    change(&files_.at(path));
  }
  int64_t writes() const { return writes_; }

  absl::StatusOr<FileRef> Write(const std::string& path, std::string_view bytes) override {
    return Write(path, bytes, nullptr, nullptr);
  }
  absl::StatusOr<FileRef> Write(const std::string& path, std::string_view bytes,
                                const std::function<absl::Status()>& before_rename,
                                const std::function<absl::Status()>& after_rename) override {
    RETURN_IF_ERROR(MayWrite(path));
    if (before_rename) RETURN_IF_ERROR(before_rename());
    {
      std::lock_guard lock(mutex_);
      if (!files_.emplace(path, std::string(bytes)).second) {
        return absl::AlreadyExistsError(absl::StrCat("cannot create ", path, ": File exists"));
      }
    }
    ++writes_;
    if (after_rename) RETURN_IF_ERROR(after_rename());
    return FileRef{path, bytes.size(), Crc32c(bytes)};
  }
  absl::StatusOr<FileRef> Store(const std::string& local_path, const std::string& path) override {
    std::ifstream in(local_path, std::ios::binary);
    if (!in) return absl::NotFoundError(local_path);
    std::stringstream bytes;
    bytes << in.rdbuf();
    return Write(path, bytes.str());
  }
  absl::StatusOr<std::string> Read(const FileRef& file) override {
    ASSIGN_OR_RETURN(std::string bytes, ReadUnverified(file.path));
    if (bytes.size() != file.size_bytes || Crc32c(bytes) != file.crc32c) {
      return absl::DataLossError(absl::StrCat(UserPath(file.path), " is damaged"));
    }
    return bytes;
  }
  absl::StatusOr<std::string> ReadUnverified(const std::string& path) override {
    RETURN_IF_ERROR(MayUse(path));
    std::lock_guard lock(mutex_);
    auto it = files_.find(path);
    if (it == files_.end())
      return absl::NotFoundError(absl::StrCat("cannot open ", path, ": no such file"));
    return it->second;
  }
  absl::Status Fetch(const FileRef& file, const std::string& local_path) override {
    ASSIGN_OR_RETURN(const std::string bytes, Read(file));
    std::ofstream out(local_path, std::ios::binary);
    out << bytes;
    return out.good() ? absl::OkStatus()
                      : absl::InternalError(absl::StrCat("cannot write ", local_path));
  }
  absl::StatusOr<FileRef> Copy(const FileRef& file, const std::string& path) override {
    ASSIGN_OR_RETURN(const std::string bytes, Read(file));
    return Write(path, bytes);
  }
  absl::Status Delete(const std::string& path) override {
    RETURN_IF_ERROR(MayUse(path));
    std::lock_guard lock(mutex_);
    files_.erase(path);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    if (missing_) return absl::UnavailableError("storage: missing");
    std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, bytes] : files_) {
      if (folder.empty() || path.starts_with(folder + "/")) paths.push_back(path);
    }
    return paths;
  }
  absl::Status Probe() override { return MayWrite("probe"); }
  std::string UserPath(const std::string& path) const override {
    return absl::StrCat("memory:///", path);
  }

 private:
  absl::Status MayUse(const std::string& path) const {
    if (missing_) return absl::UnavailableError("storage: missing");
    if (path.empty() || path.front() == '/' || path.back() == '/' ||
        absl::StrCat("/", path, "/").find("/../") != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", path, "' is no path of the checkpoint storage"));
    }
    return absl::OkStatus();
  }
  absl::Status MayWrite(const std::string& path) {
    RETURN_IF_ERROR(MayUse(path));
    if (full_) return absl::ResourceExhaustedError("storage: told to be full");
    std::lock_guard lock(mutex_);
    if (failures_ > 0) {
      --failures_;
      return failure_;
    }
    return absl::OkStatus();
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> files_;
  int failures_ = 0;
  absl::Status failure_;
  std::atomic<bool> full_{false};
  std::atomic<bool> missing_{false};
  std::atomic<int64_t> writes_{0};
};

}  // namespace weir::tests
