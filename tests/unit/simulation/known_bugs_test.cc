#include <set>
#include <string>

#include "catch2/catch.hpp"
#include "common/base/known_bug.h"
#include "tests/simulation/bugs/known_bugs.h"
#include "tests/simulation/plan/fault_kinds.h"
#include "tests/simulation/run/seed_run.h"

namespace weir::sim {
namespace {

TEST_CASE("the list of known bugs is whole") {
  std::set<std::string> names, kinds;
  for (const KnownBug& bug : KnownBugs()) {
    CHECK(names.insert(bug.name).second);
    CHECK_FALSE(bug.what.empty());
  }
  CHECK(names.size() >= 20);
  for (const std::string_view name : known_bug::kNames) CHECK(names.contains(std::string(name)));
  for (const FaultKind& kind : FaultKinds()) kinds.insert(kind.name);
  for (const KnownBug& bug : KnownBugs()) {
    for (const std::string& fault : bug.faults) {
      INFO(bug.name << " " << fault);
      CHECK(kinds.contains(fault));
    }
  }
}

TEST_CASE("a bug is found where it is, and only there") {
  RunOptions options;
  options.bug = FindKnownBug("FLINK-21132");
  REQUIRE(options.bug != nullptr);
  bool found = false;
  for (options.seed = 1; options.seed <= 10 && !found; ++options.seed) {
    options.has_bug = true;
    found = !RunSeed(options).violations.empty();
    options.has_bug = false;
    CHECK(RunSeed(options).violations.empty());
  }
  CHECK(found);
}

}  // namespace
}  // namespace weir::sim
