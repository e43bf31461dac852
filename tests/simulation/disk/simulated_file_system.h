#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/fs/file_system.h"
#include "tests/simulation/disk/disk_environment.h"
#include "tests/simulation/disk/simulated_disk.h"

namespace weir::sim {

/// The port to the file system for all simulated processes: each sees the disk of its own node, and shared ones under
/// their prefix. Locks are of processes and go with them.
///
/// Thread:  confined. Put it in place with fs::SetDefault.
/// Paths:   absolute. The folder of a mount is there from the start.
class SimulatedFileSystem final : public fs::FileSystem {
 public:
  /// `environment` must outlive it.
  SimulatedFileSystem(DiskEnvironment* environment, uint64_t seed);
  ~SimulatedFileSystem() override;

  /// Of one node; made at its first use.
  SimulatedDisk& DiskOf(int node);
  /// `prefix` like `/shared`: one disk for all nodes from now on. Paths on it begin with the prefix, too.
  SimulatedDisk& Share(const std::string& prefix);
  /// The disk that a path of a node leads to.
  SimulatedDisk& DiskAt(int node, const std::string& path);
  /// All disks, in a fixed order.
  std::vector<SimulatedDisk*> disks();
  /// After the processes of the node were killed: what it had not fsynced may be gone, here and on shared disks.
  void PowerLoss(int node);

  fs::OrErrno<std::unique_ptr<fs::File>> Open(const std::string& path, fs::OpenMode mode) override;
  fs::OrErrno<fs::FileInfo> Stat(const std::string& path) override;
  fs::OrErrno<std::vector<fs::Entry>> List(const std::string& folder) override;
  fs::OrErrno<std::vector<std::string>> Glob(const std::string& pattern) override;
  fs::Errno CheckWritable(const std::string& folder) override;
  fs::Errno MakeFolder(const std::string& path) override;
  fs::Errno RemoveFolder(const std::string& path) override;
  fs::Errno Unlink(const std::string& path) override;
  fs::Errno Rename(const std::string& from, const std::string& to) override;
  fs::Errno RenameNoReplace(const std::string& from, const std::string& to) override;
  fs::Errno Link(const std::string& from, const std::string& to) override;
  fs::Errno SyncFolder(const std::string& folder) override;
  fs::OrErrno<std::unique_ptr<fs::FileLock>> Lock(const std::string& path, std::string_view owner) override;

 private:
  SimulatedDisk& Here(const std::string& path) { return DiskAt(environment_->Node(), path); }
  fs::Errno Move(const std::string& from, const std::string& to, bool replace);

  DiskEnvironment* const environment_;
  const uint64_t seed_;
  std::map<int, std::unique_ptr<SimulatedDisk>> own_;
  std::map<std::string, std::unique_ptr<SimulatedDisk>> shared_;
};

}  // namespace weir::sim
