#include "tests/simulation/workload/workload.h"

#include "catch2/catch.hpp"
#include "common/plan/plan.h"
#include "common/job/proto/job_proto.h"
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
  int real = 0, bounded = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const Workload workload = DrawWorkload({}, &rng);
    real += workload.kind == Workload::Kind::kReal ? 1 : 0;
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
  CHECK(real > 20);
  CHECK(bounded > real);
}

TEST_CASE("the same seed is the same workload") {
  Rng a(7), b(7);
  CHECK(Describe(DrawWorkload({}, &a)) == Describe(DrawWorkload({}, &b)));
}

}  // namespace
}  // namespace weir::sim
