#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "common/base/rng.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

/// Stands between production code and what it does without a port: random seeds, log events, failpoints, buggify sites.
/// In place while it lives. Thread: confined.
class Hooks {
 public:
  explicit Hooks(Simulation* simulation);
  ~Hooks();
  Hooks(const Hooks&) = delete;

  /// From now on, the next hit of a failpoint in a process of that node kills the process. Once.
  void CrashAtFailpoint(NodeId node) { crash_.insert(node); }
  void ForgetCrash(NodeId node) { crash_.erase(node); }
  /// No buggify site fires from now on.
  void Calm() { calm_ = true; }
  /// Failpoints that were hit while a crash was due, buggify sites that fired.
  const std::map<std::string, int>& reached() const { return reached_; }

 private:
  friend struct HookFunctions;
  Simulation* const simulation_;
  Rng seeds_, sites_;
  std::map<std::string, uint64_t, std::less<>> sites_of_run_;  // by name: fires once in so many; 0: never
  std::set<NodeId> crash_;
  std::map<std::string, int> reached_;
  bool calm_ = false;
};

}  // namespace weir::sim
