#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/rng.h"
#include "common/fs/file_system.h"
#include "tests/simulation/disk/disk_environment.h"
#include "tests/simulation/disk/disk_image.h"

namespace weir::sim {

/// What is wrong with a disk; may be changed at any moment.
struct DiskFaults {
  static constexpr int64_t kPlenty = INT64_MAX;
  int64_t free_bytes = kPlenty;  // less with each write; at 0: ENOSPC
  bool read_only = false;        // EROFS
  bool gone = false;             // not mounted, or pulled: ENOENT
  int slow = 1;                  // how many times slower than usual
  int64_t stalled_until = 0;     // true time; nothing returns before
  // Out of 1000 calls:
  int read_errors = 0, write_errors = 0, sync_errors = 0;
  // A disk that lies: fsync answers, and nothing lasts.
  bool ignores_sync = false, ignores_folder_sync = false;
};

/// A disk (of one node, or shared): the image with latency and faults. Every call awaits first, then does its work at
/// once.
/// Thread: confined.
class SimulatedDisk {
 public:
  enum class Kind { kName, kRead, kWrite, kSync };

  /// `environment` must outlive it.
  SimulatedDisk(std::string name, uint64_t seed, DiskEnvironment* environment);

  const std::string& name() const { return name_; }
  DiskImage& image() { return image_; }
  DiskFaults& faults() { return faults_; }

  /// Waits as long as such a call takes, then says how it fails. 0: the caller does the work.
  fs::Errno Enter(Kind kind, const std::string& path, size_t bytes = 0);
  /// Appends; in two parts at times, so that a kill tears it. `position` moves.
  fs::Errno Append(Inode& file, const std::string& path, int64_t* position, std::string_view bytes);
  fs::Errno Sync(Inode& inode, const std::string& path);
  void PowerLoss(std::optional<int> node) { image_.PowerLoss(node, rng_); }

  /// Without latency and faults, for those who watch. Empty: not there.
  std::optional<std::string> Contents(const std::string& path) const;
  /// Silent damage to a file that the path leads to; false: there is none, or it is empty.
  bool FlipBit(const std::string& path);
  bool Truncate(const std::string& path);

 private:
  bool Hits(int of_1000) { return of_1000 > 0 && static_cast<int>(rng_.Below(1000)) < of_1000; }

  const std::string name_;
  DiskEnvironment* const environment_;
  Rng rng_;
  DiskImage image_;
  DiskFaults faults_;
};

}  // namespace weir::sim
