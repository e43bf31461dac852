#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/plan/fault.h"
#include "tests/simulation/plan/fault_kinds.h"
#include "tests/simulation/plan/nemesis.h"
#include "tests/simulation/plan/shrinker.h"

namespace weir::sim {
namespace {

FaultScope Scope() {
  FaultScope scope;
  scope.jobmanagers = {"jm-1"};
  scope.taskmanagers = {"tm-1", "tm-2", "tm-3"};
  scope.services = {"kafka"};
  for (const FaultKind& kind : FaultKinds()) scope.kinds.insert(kind.name);
  return scope;
}

TEST_CASE("a plan is the same after it was printed and read") {
  const auto read = FaultPlan::Parse("3.5+2 delay(jm-1,tm-2)=-40000; 2.15+0.8 kill(tm-1)\n4 reset(tm-1,tm-2);0.000001 kafka_kill");
  REQUIRE(read.ok());
  CHECK(read->Text() ==
        "0.000001 kafka_kill; 2.15+0.8 kill(tm-1); 3.5+2 delay(jm-1,tm-2)=-40000; 4 reset(tm-1,tm-2)");
  CHECK(read->Ends() == 5'500'000);
  CHECK(read->faults[2].targets == std::vector<std::string>{"jm-1", "tm-2"});
  CHECK(read->faults[2].amount == -40000);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const FaultPlan drawn = DrawFaults(Scope(), &rng);
    const auto again = FaultPlan::Parse(drawn.Text());
    REQUIRE(again.ok());
    CHECK(*again == drawn);
  }
}

TEST_CASE("a plan that cannot be read says which fault it is") {
  for (const char* text : {"kill(tm-1)", "1.5", "1.2.3 kill", "1+ kill", "1 kill(tm-1", "1 kill()", "1 kill(a)b",
                           "1 kill(a)=x", "-1 kill", "1.1234567 kill", "99999999999 kill"}) {
    INFO(text);
    const auto read = FaultPlan::Parse(std::string("0.5 pause(jm-1); ") + text);
    REQUIRE_FALSE(read.ok());
    CHECK(read.status().message().find(std::string("'") + text + "'") != absl::string_view::npos);
  }
  CHECK(FaultPlan::Parse("")->faults.empty());
}

TEST_CASE("drawn plans have enough faults, within their time, on nodes that there are") {
  const FaultScope scope = Scope();
  std::set<std::string> seen;
  size_t fewest = 1000, most = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Rng rng(seed), same(seed);
    const FaultPlan plan = DrawFaults(scope, &rng);
    REQUIRE(plan == DrawFaults(scope, &same));
    REQUIRE(plan.faults.size() >= 3);
    fewest = std::min(fewest, plan.faults.size());
    most = std::max(most, plan.faults.size());
    CHECK(plan.Ends() <= scope.until);
    SteadyMicros last = 0;
    for (const Fault& fault : plan.faults) {
      seen.insert(fault.kind);
      CHECK(fault.at >= last);
      last = fault.at;
      CHECK(fault.at >= scope.from);
      for (const std::string& target : fault.targets) {
        CHECK((target == "jm-1" || target.substr(0, 3) == "tm-" || target == "kafka"));
      }
      if (fault.targets.size() == 2) CHECK(fault.targets[0] != fault.targets[1]);
    }
  }
  CHECK(fewest == 3);
  CHECK(most > 10);
  CHECK(seen.size() == FaultKinds().size());
}

TEST_CASE("kinds that nobody carries out are not drawn, and refused in a text") {
  Nemesis nemesis;
  nemesis.On("kill", [](const Fault&) {});
  FaultScope scope = Scope();
  scope.kinds = nemesis.Kinds();
  Rng rng(1);
  for (const Fault& fault : DrawFaults(scope, &rng).faults) CHECK(fault.kind == "kill");
  CHECK(nemesis.Check(*FaultPlan::Parse("1 kill(tm-1)")).ok());
  CHECK(nemesis.Check(*FaultPlan::Parse("1 eat(tm-1)")).message() ==
        "fault '1 eat(tm-1)': nobody carries out eat; there are: kill");
}

TEST_CASE("most runs have few kinds of faults, and each kind is missing in many") {
  std::map<size_t, int> runs;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Rng rng(seed);
    std::set<std::string> kinds;
    for (const Fault& fault : DrawFaults(Scope(), &rng).faults) kinds.insert(fault.kind);
    ++runs[kinds.size()];
  }
  CHECK(runs[1] + runs[2] + runs[3] > 100);
  CHECK(runs.rbegin()->first > 6);
}

TEST_CASE("the nemesis begins and ends every fault at its time") {
  Nemesis nemesis;
  std::vector<std::string> done;
  SteadyMicros now = 0;
  const auto note = [&](const char* what) {
    return [&done, &now, what](const Fault& fault) {
      done.push_back(std::to_string(now) + " " + what + " " + fault.targets[0]);
    };
  };
  nemesis.On("kill", note("kill"), note("start"));
  nemesis.On("reset", note("reset"));
  const auto plan = FaultPlan::Parse("0.000001+0.00001 kill(a); 0.000005 reset(b); 0.000005+0.000002 kill(a)");
  std::vector<std::string> said;
  nemesis.Run(*plan, [&](SteadyMicros at) { now = at; }, [&](const std::string& line) { said.push_back(line); });
  CHECK(done == std::vector<std::string>{"1 kill a", "5 reset b", "5 kill a", "7 start a", "11 start a"});
  CHECK(said.size() == 5);
  CHECK(said[0] == "fault begins: 0.000001+0.00001 kill(a)");
}

TEST_CASE("the shrinker leaves the faults that it takes, and no other") {
  Rng rng(3);
  FaultScope scope = Scope();
  scope.least = scope.most = 40;
  FaultPlan plan = DrawFaults(scope, &rng);
  Fault kill{7'000'000, 800'000, "kill", {"tm-2"}, 0}, pause{2'000'000, 400'000, "pause", {"jm-1"}, 0};
  plan.faults.insert(plan.faults.begin() + 5, pause);
  plan.faults.insert(plan.faults.begin() + 30, kill);
  const auto has = [](const FaultPlan& candidate, const char* kind, SteadyMicros at, SteadyMicros least) {
    for (const Fault& fault : candidate.faults) {
      if (fault.kind == kind && fault.at == at && fault.lasts >= least) return true;
    }
    return false;
  };
  const Shrunk shrunk = Shrink(plan, [&](const FaultPlan& candidate) {
    return has(candidate, "kill", kill.at, 150'000) && has(candidate, "pause", pause.at, 0);
  });
  CHECK(shrunk.plan.Text() == "2+0.025 pause(jm-1); 7+0.2 kill(tm-2)");
  CHECK(shrunk.runs < 80);
  CHECK(Shrink(plan, [](const FaultPlan&) { return true; }).plan.faults.empty());
  const Shrunk stopped = Shrink(plan, [&](const FaultPlan& candidate) { return candidate == plan; }, 10);
  CHECK(stopped.runs == 10);
  CHECK(stopped.plan == plan);
}

}  // namespace
}  // namespace weir::sim
