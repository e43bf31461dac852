#include "tests/simulation/plan/shrinker.h"

#include <algorithm>

namespace weir::sim {

Shrunk Shrink(const FaultPlan& plan, const std::function<bool(const FaultPlan&)>& fails, int most_runs) {
  Shrunk out{plan, 0};
  const auto still_fails = [&](const FaultPlan& candidate) {
    if (out.runs >= most_runs) return false;
    ++out.runs;
    if (!fails(candidate)) return false;
    out.plan = candidate;
    return true;
  };
  if (!out.plan.faults.empty() && still_fails(FaultPlan{})) return out;  // it fails without any fault
  size_t portion = (out.plan.faults.size() + 1) / 2;
  while (portion > 0 && out.runs < most_runs) {
    bool smaller = false;
    for (size_t from = 0; from < out.plan.faults.size() && out.runs < most_runs;) {
      FaultPlan candidate = out.plan;
      const auto first = candidate.faults.begin() + static_cast<std::ptrdiff_t>(from);
      const size_t count = std::min(portion, candidate.faults.size() - from);
      candidate.faults.erase(first, first + static_cast<std::ptrdiff_t>(count));
      if (!candidate.faults.empty() && still_fails(candidate)) {
        smaller = true;  // what follows has moved to `from`
      } else {
        from += portion;
      }
    }
    if (portion > 1) {
      portion = (portion + 1) / 2;
    } else if (!smaller) {
      break;  // no single fault can be left out
    }
  }
  for (size_t i = 0; i < out.plan.faults.size(); ++i) {
    for (int halvings = 0; halvings < 4 && out.plan.faults[i].lasts > 1000; ++halvings) {
      FaultPlan candidate = out.plan;
      candidate.faults[i].lasts /= 2;
      if (!still_fails(candidate)) break;
    }
  }
  return out;
}

}  // namespace weir::sim
