#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "tests/simulation/plan/fault.h"

namespace weir::sim {

/// Carries out a plan: calls what the models have registered for each kind of fault.
///
/// Thread:  confined to the simulation.
/// Shape:   `begin` when a fault begins, `end` when it is over. Faults of one kind on the same targets may overlap: what
///          must not end early is counted by who carries it out.
class Nemesis {
 public:
  using Action = std::function<void(const Fault&)>;

  /// `end` may be empty: of a kind that is over at once.
  void On(const std::string& kind, Action begin, Action end = {});
  /// The kinds that can be carried out.
  std::set<std::string> Kinds() const;
  /// kInvalidArgument when there is a fault whose kind nobody has registered.
  absl::Status Check(const FaultPlan& plan) const;
  /// Runs the plan to the end of its last fault. `wait_until` waits for a virtual time, `say` (may be empty) hears of
  /// every begin and end.
  void Run(const FaultPlan& plan, const std::function<void(SteadyMicros)>& wait_until,
           const std::function<void(const std::string&)>& say);

 private:
  struct Actions {
    Action begin, end;
  };
  std::map<std::string, Actions> actions_;
};

}  // namespace weir::sim
