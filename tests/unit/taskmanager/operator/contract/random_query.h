#pragma once

#include <string>
#include <vector>

#include "tests/unit/taskmanager/operator/contract/contract.h"

namespace weir::taskmanager::contract {

/// A job of random operators one behind another. Its result does not depend on how it is run: times
/// are event times, no row is late, ties are broken by the rows themselves, and sums are exact.
struct RandomQuery {
  std::string nodes;
  std::vector<std::string> sources;
  /// Of updating results, the columns by which the last row stands; empty: all rows count.
  std::vector<size_t> key;

  /// What stands when all is over.
  std::vector<std::string> Settled(const std::vector<std::string>& written) const;
};

/// With up to `depth` operators between a source and the sink.
RandomQuery MakeRandomQuery(Rng& rng, int depth);

}  // namespace weir::taskmanager::contract
