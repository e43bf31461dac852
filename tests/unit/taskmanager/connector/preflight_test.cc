#include "taskmanager/connector/preflight.h"

#include <catch2/catch.hpp>
#include <mutex>
#include <set>

#include "common/base/clock/system_clock.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager {
namespace {

job::Node NodeOf(const std::string& name, job::NodeKind kind, const std::string& type, int line) {
  job::Node node;
  node.name = name;
  node.kind = kind;
  node.type = type;
  node.location = {line, 3};
  return node;
}

TEST_CASE("preflight: every source and sink that can be asked, all that is wrong in the order of the file",
          "[connector]") {
  job::JobSpec spec;
  spec.nodes = {NodeOf("in", job::NodeKind::kSource, "a", 4), NodeOf("op", job::NodeKind::kOperator, "a", 5),
                NodeOf("other", job::NodeKind::kSink, "b", 6), NodeOf("out", job::NodeKind::kSink, "a", 2)};
  ConnectorRegistry registry;
  std::mutex mutex;
  std::set<std::string> asked;
  registry.preflights["a"] = [&](const job::JobSpec&, const job::Node& node, const Clock*, SteadyMicros,
                                 PreflightReport* report) {
    report->errors.Error(node.location, node.name + " is wrong");
    report->hints.push_back(node.name);
    std::lock_guard lock(mutex);
    asked.insert(node.name);
  };
  SystemClock clock;
  const PreflightReport report = RunPreflight(spec, registry, &clock, 1'000'000);
  CHECK(asked == std::set<std::string>{"in", "out"});
  CHECK(report.hints == std::vector<std::string>{"in", "out"});
  const absl::Status refusal = RefusalOf(report);
  CHECK(absl::IsFailedPrecondition(refusal));
  CHECK(refusal.message() == std::string(kPreflightRefusal) + "\n2:3: out is wrong\n4:3: in is wrong");

  registry.preflights.clear();
  CHECK(RefusalOf(RunPreflight(spec, registry, &clock, 1'000'000)).ok());
}

}  // namespace
}  // namespace weir::taskmanager
