#include "common/checkpoint/snapshot.h"

#include <set>

namespace weir::checkpoint {

std::vector<FileRef> FilesOf(const Manifest& manifest) {
  std::vector<FileRef> files;
  std::set<std::string> seen;
  auto add = [&](const FileRef& file) {
    if (!file.path.empty() && seen.insert(file.path).second) files.push_back(file);
  };
  for (const SubtaskSnapshot& subtask : manifest.subtasks) {
    for (const OperatorSnapshot& op : subtask.operators) {
      for (const SinkHandle& handle : op.handles) {
        for (const FileRef& file : handle.files) add(file);
      }
      for (const KeyedSnapshot& keyed : op.keyed) {
        for (const FileRef& file : keyed.base) add(file);
        for (const DeltaRef& delta : keyed.deltas) add(delta.file);
      }
    }
  }
  return files;
}

}  // namespace weir::checkpoint
