#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"

namespace weir::jobmanager {

/// Which files of the checkpoint storage the retained checkpoints of a job need.
///
/// Thread:    confined; pure.
/// Invariant: a file is given up only when no retained checkpoint and no running savepoint copy
/// refers to it. Source:    design.md 5.8.
class Retention {
 public:
  /// A completed checkpoint: its manifest's path and every file that it refers to.
  void Add(CheckpointId id, std::string manifest, std::vector<std::string> files);
  /// A savepoint copy of `id` runs until Release.
  void Hold(CheckpointId id) { ++held_[id]; }
  void Release(CheckpointId id);

  /// Gives up all but those of `keep`; the files to delete, manifests first.
  std::vector<std::string> Trim(const std::set<CheckpointId>& keep);
  /// Every file that must stay.
  std::set<std::string> Referenced() const;

 private:
  struct Entry {
    std::string manifest;
    std::vector<std::string> files;
  };
  std::map<CheckpointId, Entry> entries_;
  std::map<CheckpointId, int> held_;
};

}  // namespace weir::jobmanager
