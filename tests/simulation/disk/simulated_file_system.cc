#include "tests/simulation/disk/simulated_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fnmatch.h>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"

namespace weir::sim {
namespace {

using Kind = SimulatedDisk::Kind;

fs::FileInfo InfoOf(const Inode& inode, const SimulatedDisk& disk, int64_t now) {
  fs::FileInfo info;
  info.type = inode.folder ? fs::FileType::kFolder : fs::FileType::kFile;
  info.size = static_cast<int64_t>(inode.seen.size());
  info.age_micros = now - inode.written_at;
  info.device = Crc32c(disk.name());
  info.inode = inode.number;
  return info;
}

class SimulatedFile final : public fs::File {
 public:
  SimulatedFile(DiskEnvironment* environment, SimulatedDisk* disk, DiskImage::InodePtr inode, std::string path)
      : environment_(environment), disk_(disk), inode_(std::move(inode)), path_(std::move(path)) {}

  fs::OrErrno<size_t> ReadAt(int64_t offset, char* to, size_t size) override {
    if (const fs::Errno error = disk_->Enter(Kind::kRead, path_, size); error != 0) return {error, 0};
    if (inode_->folder) return {EISDIR, 0};
    const auto from = std::min(static_cast<size_t>(offset), inode_->seen.size());
    const size_t got = std::min(size, inode_->seen.size() - from);
    std::memcpy(to, inode_->seen.data() + from, got);
    return {0, got};
  }
  fs::Errno Append(std::string_view bytes) override { return disk_->Append(*inode_, path_, &position_, bytes); }
  fs::Errno Sync() override { return disk_->Sync(*inode_, path_); }
  fs::OrErrno<fs::FileInfo> Stat() override { return {0, InfoOf(*inode_, *disk_, environment_->NowMicros())}; }

 private:
  DiskEnvironment* const environment_;
  SimulatedDisk* const disk_;
  const DiskImage::InodePtr inode_;
  const std::string path_;
  int64_t position_ = 0;
};

class SimulatedLock final : public fs::FileLock {
 public:
  explicit SimulatedLock(DiskImage::InodePtr inode) : inode_(std::move(inode)), holder_(inode_->lock_holder) {}
  ~SimulatedLock() override {
    if (inode_->lock_holder == holder_) inode_->lock_holder = 0;
  }
  SimulatedLock(const SimulatedLock&) = delete;
  SimulatedLock& operator=(const SimulatedLock&) = delete;

 private:
  const DiskImage::InodePtr inode_;
  const int holder_;
};

}  // namespace

SimulatedFileSystem::SimulatedFileSystem(DiskEnvironment* environment, uint64_t seed)
    : environment_(environment), seed_(seed) {}
SimulatedFileSystem::~SimulatedFileSystem() = default;

SimulatedDisk& SimulatedFileSystem::DiskOf(int node) {
  auto& disk = own_[node];
  if (disk == nullptr) {
    const std::string name = absl::StrCat("disk-", node);
    disk = std::make_unique<SimulatedDisk>(name, seed_ ^ Rng(Crc32c(name)).Next(), environment_);
  }
  return *disk;
}

SimulatedDisk& SimulatedFileSystem::Share(const std::string& prefix) {
  auto& disk = shared_[prefix];
  if (disk == nullptr) {
    disk = std::make_unique<SimulatedDisk>(prefix, seed_ ^ Rng(Crc32c(prefix)).Next(), environment_);
    for (size_t slash = prefix.find('/', 1); slash != std::string::npos; slash = prefix.find('/', slash + 1))
      (void)disk->image().MakeFolder(prefix.substr(0, slash), environment_->Node());
    (void)disk->image().MakeFolder(prefix, environment_->Node());
    for (std::string up = prefix; !up.empty(); up = up == "/" ? "" : fs::ParentOf(up))
      disk->image().Sync(*disk->image().Find(up).value);
  }
  return *disk;
}

SimulatedDisk& SimulatedFileSystem::DiskAt(int node, const std::string& path) {
  for (const auto& [prefix, disk] : shared_) {
    if (path.compare(0, prefix.size(), prefix) == 0 && (path.size() == prefix.size() || path[prefix.size()] == '/'))
      return *disk;
  }
  return DiskOf(node);
}

std::vector<SimulatedDisk*> SimulatedFileSystem::disks() {
  std::vector<SimulatedDisk*> all;
  for (const auto& [node, disk] : own_) all.push_back(disk.get());
  for (const auto& [prefix, disk] : shared_) all.push_back(disk.get());
  return all;
}

void SimulatedFileSystem::PowerLoss(int node) {
  DiskOf(node).PowerLoss(std::nullopt);
  for (const auto& [prefix, disk] : shared_) disk->PowerLoss(node);
}

fs::OrErrno<std::unique_ptr<fs::File>> SimulatedFileSystem::Open(const std::string& path, fs::OpenMode mode) {
  SimulatedDisk& disk = Here(path);
  const bool reads = mode == fs::OpenMode::kRead || mode == fs::OpenMode::kReadNoBlock;
  if (const fs::Errno error = disk.Enter(reads ? Kind::kName : Kind::kWrite, path); error != 0) return {error, nullptr};
  auto found = disk.image().Find(path);
  if (reads || (found.ok() && mode == fs::OpenMode::kReplace)) {
    if (!found.ok()) return {found.error, nullptr};
    if (!reads && found.value->folder) return {EISDIR, nullptr};
    if (!reads) disk.image().Empty(*found.value, environment_->Node(), environment_->NowMicros());
  } else {
    if (disk.faults().free_bytes <= 0) return {ENOSPC, nullptr};
    found = disk.image().Create(path, environment_->Node());
    if (!found.ok()) return {found.error, nullptr};
    found.value->written_at = environment_->NowMicros();
  }
  return {0, std::make_unique<SimulatedFile>(environment_, &disk, std::move(found.value), path)};
}

fs::OrErrno<fs::FileInfo> SimulatedFileSystem::Stat(const std::string& path) {
  SimulatedDisk& disk = Here(path);
  if (const fs::Errno error = disk.Enter(Kind::kName, path); error != 0) return {error, {}};
  const auto found = disk.image().Find(path);
  if (!found.ok()) return {found.error, {}};
  return {0, InfoOf(*found.value, disk, environment_->NowMicros())};
}

fs::OrErrno<std::vector<fs::Entry>> SimulatedFileSystem::List(const std::string& folder) {
  SimulatedDisk& disk = Here(folder);
  if (const fs::Errno error = disk.Enter(Kind::kRead, folder); error != 0) return {error, {}};
  const auto found = disk.image().Find(folder);
  if (!found.ok()) return {found.error, {}};
  if (!found.value->folder) return {ENOTDIR, {}};
  std::vector<fs::Entry> entries;
  for (const auto& [name, inode] : found.value->seen_names)
    entries.push_back({name, inode->folder ? fs::FileType::kFolder : fs::FileType::kFile});
  return {0, std::move(entries)};
}

fs::OrErrno<std::vector<std::string>> SimulatedFileSystem::Glob(const std::string& pattern) {
  std::vector<std::string> found = {""};
  for (size_t begin = 1; begin <= pattern.size();) {
    const size_t end = std::min(pattern.find('/', begin), pattern.size());
    const std::string part = pattern.substr(begin, end - begin);
    const bool is_last = end == pattern.size();
    std::vector<std::string> next;
    for (const std::string& folder : found) {
      if (part.find_first_of("*?[") == std::string::npos) {  // a mount is not in the list of the folder above
        if (!is_last || Stat(folder + "/" + part).ok()) next.push_back(folder + "/" + part);
        continue;
      }
      const auto entries = List(folder.empty() ? "/" : folder);
      if (entries.error == ENOENT) continue;
      if (!entries.ok()) return {EACCES, {}};
      for (const fs::Entry& entry : entries.value) {
        if (::fnmatch(part.c_str(), entry.name.c_str(), FNM_PERIOD) != 0) continue;
        if (is_last || entry.type == fs::FileType::kFolder) next.push_back(folder + "/" + entry.name);
      }
    }
    found = std::move(next);
    begin = end + 1;
  }
  return {0, std::move(found)};
}

fs::Errno SimulatedFileSystem::CheckWritable(const std::string& folder) {
  SimulatedDisk& disk = Here(folder);
  if (const fs::Errno error = disk.Enter(Kind::kName, folder); error != 0) return error;
  return disk.faults().read_only ? EROFS : disk.image().Find(folder).error;
}

fs::Errno SimulatedFileSystem::MakeFolder(const std::string& path) {
  SimulatedDisk& disk = Here(path);
  if (const fs::Errno error = disk.Enter(Kind::kWrite, path); error != 0) return error;
  if (disk.faults().free_bytes <= 0) return disk.image().Find(path).ok() ? EEXIST : ENOSPC;
  return disk.image().MakeFolder(path, environment_->Node());
}

fs::Errno SimulatedFileSystem::RemoveFolder(const std::string& path) {
  SimulatedDisk& disk = Here(path);
  if (shared_.contains(path)) return EBUSY;
  const fs::Errno error = disk.Enter(Kind::kWrite, path);
  return error != 0 ? error : disk.image().RemoveFolder(path, environment_->Node());
}

fs::Errno SimulatedFileSystem::Unlink(const std::string& path) {
  SimulatedDisk& disk = Here(path);
  const fs::Errno error = disk.Enter(Kind::kWrite, path);
  return error != 0 ? error : disk.image().Unlink(path, environment_->Node());
}

fs::Errno SimulatedFileSystem::Move(const std::string& from, const std::string& to, bool replace) {
  SimulatedDisk& disk = Here(from);
  if (&disk != &Here(to)) return EXDEV;
  const fs::Errno error = disk.Enter(Kind::kWrite, to);
  return error != 0 ? error : disk.image().Rename(from, to, replace, environment_->Node());
}
fs::Errno SimulatedFileSystem::Rename(const std::string& from, const std::string& to) { return Move(from, to, true); }
fs::Errno SimulatedFileSystem::RenameNoReplace(const std::string& from, const std::string& to) {
  return Move(from, to, false);
}

fs::Errno SimulatedFileSystem::Link(const std::string& from, const std::string& to) {
  SimulatedDisk& disk = Here(from);
  if (&disk != &Here(to)) return EXDEV;
  const fs::Errno error = disk.Enter(Kind::kWrite, to);
  return error != 0 ? error : disk.image().Link(from, to, environment_->Node());
}

fs::Errno SimulatedFileSystem::SyncFolder(const std::string& folder) {
  SimulatedDisk& disk = Here(folder);
  const auto found = disk.image().Find(folder);
  if (!found.ok()) return found.error;
  if (!found.value->folder) return ENOTDIR;
  return disk.Sync(*found.value, folder);
}

fs::OrErrno<std::unique_ptr<fs::FileLock>> SimulatedFileSystem::Lock(const std::string& path, std::string_view owner) {
  SimulatedDisk& disk = Here(path);
  if (const fs::Errno error = disk.Enter(Kind::kWrite, path); error != 0) return {error, nullptr};
  auto file = disk.image().Find(path);
  if (file.error == ENOENT) file = disk.image().Create(path, environment_->Node());
  if (!file.ok()) return {file.error, nullptr};
  if (file.value->folder) return {EISDIR, nullptr};
  Inode& inode = *file.value;
  if (inode.lock_holder != 0 && environment_->Alive(inode.lock_holder)) return {EWOULDBLOCK, nullptr};
  inode.lock_holder = environment_->Process();
  disk.image().Empty(inode, environment_->Node(), environment_->NowMicros());
  disk.image().Write(inode, 0, owner, environment_->Node(), environment_->NowMicros());
  return {0, std::make_unique<SimulatedLock>(std::move(file.value))};
}

}  // namespace weir::sim
