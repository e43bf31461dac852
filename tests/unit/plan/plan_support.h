#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "common/job/yaml/job_reader.h"
#include "common/plan/plan.h"
#include "tests/support/test_connectors.h"

namespace weir::plan {

/// A job file with a source `tx` of (user, amount, n, ts) and the given rest.
inline std::string JobFile(std::string_view rest, std::string_view head = "parallelism: 2\n") {
  return "version: 1\nname: job\n" + std::string(head) +
         "sources:\n"
         "  tx:\n"
         "    type: file\n"
         "    path: /p\n"
         "    schema: {user: string not null, amount: \"decimal(12,2)\", n: int, ts: timestamp not "
         "null, note: string}\n"
         "    event_time: {field: ts}\n" +
         std::string(rest);
}

/// `LINE:COLUMN: MESSAGE` of all mistakes.
inline std::string PlanErrors(std::string_view yaml) {
  config::Diagnostics diagnostics;
  const auto spec = job::ReadJob(yaml, {}, testing::TestCatalog(), &diagnostics);
  if (spec) MakePlan(std::make_shared<job::JobSpec>(*spec), testing::TestCatalog(), &diagnostics);
  return std::string(diagnostics.ToStatus().message());
}

inline std::shared_ptr<const ExecutionPlan> PlanOf(std::string_view yaml) {
  config::Diagnostics diagnostics;
  const auto spec = job::ReadJob(yaml, {}, testing::TestCatalog(), &diagnostics);
  REQUIRE(spec.has_value());
  auto plan = MakePlan(std::make_shared<job::JobSpec>(*spec), testing::TestCatalog(), &diagnostics);
  INFO(diagnostics.ToStatus().message());
  REQUIRE(plan != nullptr);
  return plan;
}

}  // namespace weir::plan
