// A job as a client sends it: a spec that no reader of ours has made.
#include <memory>

#include <google/protobuf/stubs/logging.h>

#include "common/job/proto/job_proto.h"
#include "common/plan/plan.h"
#include "taskmanager/connector/builtin/catalog.h"
#include "tests/fuzz/fuzz_target.h"

WEIR_FUZZ_TARGET(job_spec, input) {
  static const auto quiet = google::protobuf::SetLogHandler(nullptr);
  (void)quiet;
  using namespace weir;
  const auto spec = job::Deserialize(input);
  if (!spec.ok()) return;
  const std::string bytes = job::Serialize(*spec);
  const auto again = job::Deserialize(bytes);
  fuzz::Expect(again.ok() && job::Serialize(*again) == bytes, "what was read can be written and read");
  (void)plan::MakePlan(std::make_shared<job::JobSpec>(*spec), taskmanager::BuiltinCatalog());
}
