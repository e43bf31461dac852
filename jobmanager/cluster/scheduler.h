#pragma once

#include <string>
#include <vector>

namespace weir::jobmanager {

struct SchedulerCandidate {
  std::string name;
  int slots = 0;
  int free = 0;
};

/// Picks a TaskManager for each of `needed` slots, spread evenly: always where the smallest part of
/// the slots is used, ties by name. Empty when there are not enough. Pure.
std::vector<std::string> PickSlots(std::vector<SchedulerCandidate> candidates, int needed);

}  // namespace weir::jobmanager
