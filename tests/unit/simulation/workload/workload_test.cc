#include "tests/simulation/workload/workload.h"

#include <map>

#include "catch2/catch.hpp"
#include "common/job/proto/job_proto.h"
#include "common/plan/plan.h"
#include "taskmanager/connector/file/file_descriptor.h"
#include "taskmanager/connector/kafka/kafka_descriptor.h"
#include "tests/simulation/workload/source.h"

namespace weir::sim {
namespace {

TEST_CASE("every workload that is drawn is a job that the product takes") {
  job::ConnectorCatalog catalog;
  catalog.Add(SimulatedSourceDescriptor());
  catalog.Add(taskmanager::file::Descriptor());
  catalog.Add(taskmanager::kafka::Descriptor());
  int bounded = 0;
  std::map<Workload::Kind, int> kinds;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Rng rng(seed);
    const Workload workload = DrawWorkload({}, &rng);
    ++kinds[workload.kind];
    bounded += workload.records ? 1 : 0;
    INFO(Describe(workload));
    const std::string file = JobFileOf(workload, 0, workload.parallelism);
    INFO(file);
    const auto spec = SpecOf(file, catalog);
    INFO(spec.status().ToString());
    REQUIRE(spec.ok());
    const auto read = job::Deserialize(*spec);
    REQUIRE(read.ok());
    const auto plan = plan::MakePlan(std::make_shared<const job::JobSpec>(*read), catalog);
    INFO(plan.status().ToString());
    REQUIRE(plan.ok());
    CHECK((*plan)->slots == workload.parallelism);
  }
  CHECK(kinds.size() == 6);
  const int real = 400 - kinds[Workload::Kind::kControl];
  CHECK(real > 60);
  CHECK(bounded > real);
}

TEST_CASE("the same seed is the same workload") {
  Rng a(7), b(7);
  CHECK(Describe(DrawWorkload({}, &a)) == Describe(DrawWorkload({}, &b)));
}

}  // namespace
}  // namespace weir::sim
