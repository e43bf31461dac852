#include "tests/simulation/disk/simulated_disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace weir::sim {
namespace {

struct Latency {
  int64_t least, most;
};

Latency LatencyOf(SimulatedDisk::Kind kind) {
  switch (kind) {
    case SimulatedDisk::Kind::kName:
    case SimulatedDisk::Kind::kWrite:
      return {2, 60};  // both in memory
    case SimulatedDisk::Kind::kRead:
      return {5, 400};
    case SimulatedDisk::Kind::kSync:
      break;
  }
  return {200, 4'000};
}

}  // namespace

SimulatedDisk::SimulatedDisk(std::string name, uint64_t seed, DiskEnvironment* environment)
    : name_(std::move(name)), environment_(environment), rng_(seed) {}

fs::Errno SimulatedDisk::Enter(Kind kind, const std::string& path, size_t bytes) {
  const Latency latency = LatencyOf(kind);
  int64_t micros = latency.least + static_cast<int64_t>(rng_.Below(latency.most - latency.least));
  if (kind == Kind::kSync && rng_.Below(50) == 0) micros += 50'000;  // somebody else's writes are in front
  micros += static_cast<int64_t>(bytes / 1000);                     // 1 GB/s
  environment_->Await(micros * std::max(1, faults_.slow));
  while (faults_.stalled_until > environment_->NowMicros())
    environment_->Await(faults_.stalled_until - environment_->NowMicros());
  if (faults_.gone) return ENOENT;
  const bool changes = kind == Kind::kWrite;
  if (changes && faults_.read_only) return EROFS;
  const int odds = kind == Kind::kRead    ? faults_.read_errors
                   : kind == Kind::kWrite ? faults_.write_errors
                   : kind == Kind::kSync  ? faults_.sync_errors
                                          : 0;
  if (!Hits(odds)) return 0;
  environment_->Report("disk EIO", path.c_str());
  return EIO;
}

fs::Errno SimulatedDisk::Append(Inode& file, const std::string& path, int64_t* position, std::string_view bytes) {
  if (bytes.empty()) return 0;
  const size_t cut = bytes.size() > 1 && rng_.Below(4) == 0 ? 1 + rng_.Below(bytes.size() - 1) : bytes.size();
  for (std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (part.empty()) continue;
    if (const fs::Errno error = Enter(Kind::kWrite, path, part.size()); error != 0) return error;
    const bool full = faults_.free_bytes < static_cast<int64_t>(part.size());
    if (full) part = part.substr(0, static_cast<size_t>(std::max<int64_t>(faults_.free_bytes, 0)));
    if (faults_.free_bytes != DiskFaults::kPlenty) faults_.free_bytes -= static_cast<int64_t>(part.size());
    if (!part.empty())
      image_.Write(file, *position, part, environment_->Node(), environment_->NowMicros());
    *position += static_cast<int64_t>(part.size());
    if (full) {
      environment_->Report("disk full", path.c_str());
      return ENOSPC;
    }
  }
  return 0;
}

fs::Errno SimulatedDisk::Sync(Inode& inode, const std::string& path) {
  const fs::Errno error = Enter(Kind::kSync, path);
  // Of a folder's names the file system keeps a journal: it fails as a whole or tries again.
  if (error == EIO && !inode.folder) image_.LoseUnsynced(inode);
  if (error != 0) return error;
  if (inode.folder ? !faults_.ignores_folder_sync : !faults_.ignores_sync) image_.Sync(inode);
  return 0;
}

std::optional<std::string> SimulatedDisk::Contents(const std::string& path) const {
  const auto found = image_.Find(path);
  if (!found.ok() || found.value->folder) return std::nullopt;
  return found.value->seen;
}

bool SimulatedDisk::FlipBit(const std::string& path) {
  const auto found = image_.Find(path);
  if (!found.ok() || found.value->folder || found.value->seen.empty()) return false;
  Inode& file = *found.value;
  const uint64_t at = rng_.Below(file.seen.size());
  const auto mask = static_cast<char>(1 << rng_.Below(8));
  file.seen[at] ^= mask;
  if (at < file.kept.size()) file.kept[at] ^= mask;
  return true;
}

bool SimulatedDisk::Truncate(const std::string& path) {
  const auto found = image_.Find(path);
  if (!found.ok() || found.value->folder || found.value->seen.empty()) return false;
  Inode& file = *found.value;
  file.seen.resize(rng_.Below(file.seen.size()));
  file.kept.resize(std::min(file.kept.size(), file.seen.size()));
  return true;
}

}  // namespace weir::sim
