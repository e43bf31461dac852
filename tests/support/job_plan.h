#pragma once

#include <iostream>
#include <memory>
#include <string>

#include "common/config/diagnostics.h"
#include "common/job/yaml/job_reader.h"
#include "common/plan/plan.h"
#include "tests/support/test_connectors.h"

namespace weir::testing {

/// The plan of a job file's text with the connectors of test_connectors.h; the text must be right.
inline std::shared_ptr<const plan::ExecutionPlan> PlanOf(const std::string& yaml) {
  config::Diagnostics diagnostics;
  auto spec = job::ReadJob(yaml, {}, TestCatalog(), &diagnostics);
  if (!spec) {
    std::cerr << diagnostics.ToStatus() << "\n";
    return nullptr;
  }
  auto plan = plan::MakePlan(std::make_shared<job::JobSpec>(*std::move(spec)), TestCatalog());
  if (plan.ok()) return *plan;
  std::cerr << plan.status() << "\n";
  return nullptr;
}

}  // namespace weir::testing
