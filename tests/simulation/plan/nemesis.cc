#include "tests/simulation/plan/nemesis.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::sim {

void Nemesis::On(const std::string& kind, Action begin, Action end) {
  actions_[kind] = {std::move(begin), std::move(end)};
}

std::set<std::string> Nemesis::Kinds() const {
  std::set<std::string> kinds;
  for (const auto& [kind, actions] : actions_) kinds.insert(kind);
  return kinds;
}

absl::Status Nemesis::Check(const FaultPlan& plan) const {
  for (const Fault& fault : plan.faults) {
    if (actions_.contains(fault.kind)) continue;
    return absl::InvalidArgumentError(absl::StrCat("fault '", Text(fault), "': nobody carries out ", fault.kind,
                                                   "; there are: ", absl::StrJoin(Kinds(), ", ")));
  }
  return absl::OkStatus();
}

void Nemesis::Run(const FaultPlan& plan, const std::function<void(SteadyMicros)>& wait_until,
                  const std::function<void(const std::string&)>& say) {
  struct Step {
    SteadyMicros at = 0;
    bool ends = false;
    const Fault* fault = nullptr;
  };
  std::vector<Step> steps;
  for (const Fault& fault : plan.faults) {
    if (!actions_.contains(fault.kind)) continue;
    steps.push_back({fault.at, false, &fault});
    if (actions_[fault.kind].end) steps.push_back({fault.at + fault.lasts, true, &fault});
  }
  // An end of time 0 comes after its begin: they were put in that order.
  std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.at < b.at; });
  for (const Step& step : steps) {
    wait_until(step.at);
    if (!step.ends) {
      if (say) say(absl::StrCat("fault begins: ", Text(*step.fault)));
      actions_[step.fault->kind].begin(*step.fault);
    } else {
      if (say) say(absl::StrCat("fault is over: ", Text(*step.fault)));
      actions_[step.fault->kind].end(*step.fault);
    }
  }
  wait_until(plan.Ends());
}

}  // namespace weir::sim
