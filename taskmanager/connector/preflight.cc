#include "taskmanager/connector/preflight.h"


#include "absl/strings/str_cat.h"
#include "common/runtime/sync.h"
#include "taskmanager/connector/connector_registry.h"

namespace weir::taskmanager {

PreflightReport RunPreflight(const job::JobSpec& spec, const ConnectorRegistry& registry, const Clock* clock,
                             SteadyMicros budget) {
  const SteadyMicros deadline = clock->Steady() + budget;
  std::vector<PreflightReport> reports(spec.nodes.size());
  std::vector<runtime::Thread> threads;
  for (size_t i = 0; i < spec.nodes.size(); ++i) {
    const job::Node& node = spec.nodes[i];
    const auto found = registry.preflights.find(node.type);
    if (node.kind == job::NodeKind::kOperator || found == registry.preflights.end()) continue;
    threads.emplace_back("preflight", [&spec, &node, clock, deadline, preflight = found->second, report = &reports[i]] {
      preflight(spec, node, clock, deadline, report);
    });
  }
  for (runtime::Thread& thread : threads) thread.join();
  PreflightReport all;
  for (const PreflightReport& report : reports) {
    for (const config::Diagnostic& error : report.errors.errors()) {
      all.errors.ErrorAt(error.location, error.offset, error.message);
    }
    all.hints.insert(all.hints.end(), report.hints.begin(), report.hints.end());
  }
  all.errors.Sort();
  return all;
}

absl::Status RefusalOf(const PreflightReport& report) {
  if (report.errors.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(kPreflightRefusal, "\n", report.errors.ToStatus().message()));
}

}  // namespace weir::taskmanager
