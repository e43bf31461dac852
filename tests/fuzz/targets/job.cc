// A whole job file, from its text to the plan.
#include <memory>

#include "common/config/yaml/document.h"
#include "common/job/proto/job_proto.h"
#include "common/job/yaml/job_reader.h"
#include "common/plan/plan.h"
#include "taskmanager/connector/builtin/catalog.h"
#include "tests/fuzz/fuzz_target.h"

WEIR_FUZZ_TARGET(job, input) {
  using namespace weir;
  const job::ConnectorCatalog& catalog = taskmanager::BuiltinCatalog();
  config::Diagnostics diagnostics;
  const auto spec = job::ReadJob(input, {{"A", "1"}}, catalog, &diagnostics);
  fuzz::Expect(spec.has_value() || !diagnostics.ok(), "what is refused is said why");
  if (!spec.has_value()) return;
  const auto plan = plan::MakePlan(std::make_shared<job::JobSpec>(*spec), catalog, &diagnostics);
  fuzz::Expect((plan == nullptr) == !diagnostics.ok(), "a plan or a reason");
  diagnostics.Sort();
  config::Render("f.yaml", input, diagnostics);
  if (plan == nullptr) return;
  // What the JobManager gets of it means the same.
  const std::string bytes = job::Serialize(*spec);
  const auto again = job::Deserialize(bytes);
  fuzz::Expect(again.ok(), "a job that was accepted can be sent");
  fuzz::Expect(job::Serialize(*again) == bytes, "a job that was sent is the same");
  const auto theirs = plan::MakePlan(std::make_shared<job::JobSpec>(*again), catalog);
  fuzz::Expect(theirs.ok() && (*theirs)->digest == plan->digest, "both sides make the same plan");
}
