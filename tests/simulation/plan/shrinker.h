#pragma once

#include <functional>

#include "tests/simulation/plan/fault.h"

namespace weir::sim {

struct Shrunk {
  FaultPlan plan;   // fails, and no fault of it can be left out
  int runs = 0;     // that it took
};

/// Finds a small plan that still fails: leaves out halves, quarters, then single faults (delta debugging, Zeller 2002),
/// then makes what is left shorter.
///
/// `plan` fails; `fails` runs a plan; at most `most_runs` times. The plan it returns has failed.
Shrunk Shrink(const FaultPlan& plan, const std::function<bool(const FaultPlan&)>& fails, int most_runs = 200);

}  // namespace weir::sim
