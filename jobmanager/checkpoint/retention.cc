#include "jobmanager/checkpoint/retention.h"

#include <utility>

namespace weir::jobmanager {

void Retention::Add(CheckpointId id, std::string manifest, std::vector<std::string> files) {
  entries_[id] = {std::move(manifest), std::move(files)};
}

void Retention::Release(CheckpointId id) {
  auto it = held_.find(id);
  if (it != held_.end() && --it->second == 0) held_.erase(it);
}

std::set<std::string> Retention::Referenced() const {
  std::set<std::string> files;
  for (const auto& [id, entry] : entries_) {
    files.insert(entry.manifest);
    files.insert(entry.files.begin(), entry.files.end());
  }
  return files;
}

std::vector<std::string> Retention::Trim(const std::set<CheckpointId>& keep) {
  std::vector<Entry> dropped;
  for (auto it = entries_.begin(); it != entries_.end();) {
    // A held one is looked at again with the next Trim.
    if (keep.contains(it->first) || held_.contains(it->first)) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second));
    it = entries_.erase(it);
  }
  std::vector<std::string> paths;
  if (dropped.empty()) return paths;
  // The manifest goes first, so that none is found whose files are gone.
  for (const Entry& entry : dropped) paths.push_back(entry.manifest);
  std::set<std::string> referenced = Referenced();
  for (const Entry& entry : dropped) {
    for (const std::string& file : entry.files) {
      if (referenced.insert(file).second) paths.push_back(file);
    }
  }
  return paths;
}

}  // namespace weir::jobmanager
