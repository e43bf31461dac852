#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/bugs/wrappers.h"
#include "tests/simulation/workload/workload.h"

namespace weir::sim {

/// A bug that somebody had (reference: faults.md B2), or that this design could have, and how it is brought back: by
/// wrapping ports, by a property of the models, or by the switch of its name (common/base/known_bug.h).
struct KnownBug {
  std::string name;
  std::string what;  // one line for people
  /// Jobs in which it can show at all.
  std::optional<Workload::Kind> kind;
  bool kafka = true, file = true;
  std::function<void(Workload*)> adjust = {};
  /// Faults that bring it to light; empty: all.
  std::set<std::string> faults = {};
  Wrappers wrappers = {};
};

const std::vector<KnownBug>& KnownBugs();
/// Null: there is none of that name.
const KnownBug* FindKnownBug(std::string_view name);

}  // namespace weir::sim
