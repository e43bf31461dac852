#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"

namespace weir::sim {

/// One thing that goes wrong in a run.
/// Units: virtual time since the start of the run.
struct Fault {
  SteadyMicros at = 0;
  SteadyMicros lasts = 0;  // 0: it happens, and is over
  std::string kind;        // a name of the table in fault_kinds.h
  std::vector<std::string> targets;  // names of nodes; of a link: from, to
  int64_t amount = 0;      // how bad, in the kind's own unit
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// What goes wrong in a run, in order of time.
///
/// Shape:  as text `TIME[+LASTS] KIND[(NODE,...)][=AMOUNT]` for each fault, separated by `; `, times in seconds:
///         `2.15+0.8 kill(tm1); 3.5+2 delay(jm1,tm2)=40000`. Printing and reading it again gives the same plan.
/// Errors: kInvalidArgument names the fault that cannot be read.
struct FaultPlan {
  std::vector<Fault> faults;

  std::string Text() const;
  static absl::StatusOr<FaultPlan> Parse(const std::string& text);
  /// When the last fault is over; 0 without faults.
  SteadyMicros Ends() const;
  friend bool operator==(const FaultPlan&, const FaultPlan&) = default;
};

std::string Text(const Fault& fault);

}  // namespace weir::sim
