#include "jobmanager/cluster/scheduler.h"

#include <cstdint>

namespace weir::jobmanager {

std::vector<std::string> PickSlots(std::vector<SchedulerCandidate> candidates, int needed) {
  std::vector<std::string> picked;
  while (static_cast<int>(picked.size()) < needed) {
    SchedulerCandidate* best = nullptr;
    for (SchedulerCandidate& candidate : candidates) {
      if (candidate.free <= 0) continue;
      if (best != nullptr) {
        // Used parts as fractions, compared without dividing.
        const int64_t mine = int64_t{candidate.slots - candidate.free} * best->slots;
        const int64_t theirs = int64_t{best->slots - best->free} * candidate.slots;
        if (mine > theirs || (mine == theirs && candidate.name >= best->name)) continue;
      }
      best = &candidate;
    }
    if (best == nullptr) return {};
    --best->free;
    picked.push_back(best->name);
  }
  return picked;
}

}  // namespace weir::jobmanager
