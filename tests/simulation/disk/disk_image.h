#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "common/fs/file_system.h"

namespace weir::sim {

/// A file or a folder of a simulated disk: what processes see of it, and what is on the platter.
struct Inode {
  /// Something that was done and not yet fsynced.
  struct Change {
    enum class Kind { kWrite, kEmpty, kName, kUnname };
    Kind kind;
    int by = 0;           // the node that did it
    uint64_t action = 0;  // changes of one action (a rename) are lost or kept together
    int64_t offset = 0;   // kWrite
    std::string bytes;
    std::string name;  // kName, kUnname
    std::shared_ptr<Inode> target;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  uint64_t number = 0;
  bool folder = false;
  std::string seen, kept;        // of a file
  Names seen_names, kept_names;  // of a folder
  std::vector<Change> unsynced;
  int64_t written_at = 0;
  int lock_holder = 0;
};

/// What a disk holds, with the least that POSIX promises about a loss of power: contents last if they were fsynced,
/// names if their folder was; of the rest any part may survive, in any order, torn; a rename survives whole or not at
/// all. Immediate and without faults: those are the SimulatedDisk's.
///
/// Thread:  confined.
/// Shape:   paths are absolute, `/a/b`. `by`: the node that does it; a disk may be shared.
class DiskImage {
 public:
  using InodePtr = std::shared_ptr<Inode>;
  DiskImage();

  fs::OrErrno<InodePtr> Find(const std::string& path) const;
  fs::OrErrno<InodePtr> Create(const std::string& path, int by);
  fs::Errno MakeFolder(const std::string& path, int by);
  fs::Errno RemoveFolder(const std::string& path, int by);
  fs::Errno Unlink(const std::string& path, int by);
  fs::Errno Rename(const std::string& from, const std::string& to, bool replace, int by);
  fs::Errno Link(const std::string& from, const std::string& to, int by);

  void Write(Inode& file, int64_t offset, std::string_view bytes, int by, int64_t now);
  void Empty(Inode& file, int by, int64_t now);
  /// All that was done to it up to now will last.
  void Sync(Inode& inode);
  /// An fsync that failed: what was written is seen until the power goes, and no later fsync keeps it.
  void LoseUnsynced(Inode& inode) { inode.unsynced.clear(); }
  /// `by` is given: only what that node did is in danger (of a shared disk).
  void PowerLoss(std::optional<int> by, Rng& rng);

  /// Paths of all files under a folder that processes see, sorted.
  std::vector<std::string> Files(const std::string& folder) const;

 private:
  struct Place {
    InodePtr folder;
    std::string name;
  };
  enum class Survives { kNothing, kBeginning, kAnyPart, kAll };

  fs::OrErrno<Place> Locate(const std::string& path) const;
  void Name(const Place& place, InodePtr target, uint64_t action, int by);
  void Unname(const Place& place, uint64_t action, int by);
  static void Apply(const Inode::Change& change, std::string* contents, Inode::Names* names);
  /// A part of a write that survived, if any did.
  static std::optional<Inode::Change> Tear(const Inode::Change& change, Survives mode, Rng& rng);

  InodePtr root_;
  uint64_t inodes_ = 0;
  uint64_t actions_ = 0;
};

}  // namespace weir::sim
