#include "taskmanager/connector/kafka/transaction/sweeper.h"

#include <catch2/catch.hpp>

#include "tests/unit/kafka/transaction/recovery_fixture.h"

namespace weir::taskmanager::kafka::testing {
namespace {

using Values = std::vector<std::string>;

TEST_CASE("open transactions of older attempts end, of all their subtasks; nobody else's do") {
  KafkaModel cluster;
  Open(cluster, Tid(1, 0, 0), {Record("a", "1")});
  Open(cluster, Tid(8, 5, 3), {Record("a", "2")});
  Open(cluster, Tid(9, 0, 0), {Record("a", "own")});
  Open(cluster, Tid(10, 0, 0), {Record("a", "newer")});
  Open(cluster, Tid(1, 0, 0, kFormerJob), {Record("a", "another job")});
  Open(cluster, ToString({kJob, "out2", Attempt{1}, 0, 0}), {Record("a", "another sink")});
  Open(cluster, "somebody", {Record("a", "somebody")});
  Open(cluster, kJob.value + "/out/1/x/0", {Record("a", "not of our form")});
  Recovery recovery(&cluster, 9);
  const auto ended = recovery.Sweep();
  REQUIRE(ended.ok());
  CHECK(*ended == 2);
  CHECK(recovery.ports.coordinator.fenced == Values{Tid(1, 0, 0), Tid(8, 5, 3)});
  CHECK(cluster.Open().size() == 6);
  CHECK(*recovery.Sweep() == 0);
}

TEST_CASE("prepared, but not in a completed checkpoint: the sweep aborts it with its marker") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")});
  Recovery recovery(&cluster);
  REQUIRE(*recovery.Sweep() == 1);
  CHECK(Visible(cluster).empty());
  std::optional<Marker> marker;
  CHECK(cluster.OffsetFetch(handle.transactional_id, kTopic, 0, true, &marker) == kNone);
  CHECK_FALSE(marker.has_value());
  CHECK(cluster.EndTxn(handle.transactional_id, handle.identity, true) == kProducerFenced);
}

TEST_CASE("what a handle still needs is left alone") {
  KafkaModel cluster;
  const KafkaHandle handle = Prepare(cluster, Tid(1, 0, 0), 5, {Record("a", "1")});
  Recovery recovery(&cluster);
  CHECK(*recovery.Sweep({handle.transactional_id}) == 0);
  REQUIRE(recovery.Resolve({handle}).ok());
  CHECK(Visible(cluster) == Values{"1"});
}

TEST_CASE("of the job that this one was started from, all attempts") {
  KafkaModel cluster;
  Open(cluster, Tid(1, 0, 0, kFormerJob), {Record("a", "1")});
  Open(cluster, Tid(20, 0, 0, kFormerJob), {Record("a", "2")});
  Recovery recovery(&cluster, 1);
  CHECK(*recovery.Sweep() == 0);
  CHECK(*recovery.Sweep({}, /*with_former=*/true) == 2);
  CHECK(cluster.Open().empty());
}

TEST_CASE("a broker that cannot list: open ones end by their timeout") {
  KafkaModel cluster;
  Open(cluster, Tid(1, 0, 0), {Record("a", "1")}, 5'000);
  Recovery recovery(&cluster);
  recovery.process.can_list = false;
  CHECK(*recovery.Sweep() == 0);
  cluster.AdvanceMillis(6'000);
  CHECK(cluster.Open().empty());
}

TEST_CASE("a fence that fails does not keep the others from being ended") {
  KafkaModel cluster;
  Open(cluster, Tid(1, 0, 0), {Record("a", "1")});
  Open(cluster, Tid(2, 0, 0), {Record("a", "2")});
  Recovery recovery(&cluster);
  class OneFails : public ModelCoordinator {
   public:
    using ModelCoordinator::ModelCoordinator;
    absl::StatusOr<ProducerIdentity> Fence(const std::string& tid, int64_t timeout, int64_t deadline) override {
      if (tid == Tid(1, 0, 0)) return absl::UnavailableError("no coordinator");
      return ModelCoordinator::Fence(tid, timeout, deadline);
    }
  };
  OneFails coordinator(&recovery.process);
  Sweeper::Options options;
  options.job = kJob;
  options.attempt = Attempt{9};
  options.sink = "out";
  const auto ended = Sweeper(options, &coordinator, &cluster).Sweep({});
  CHECK(absl::IsUnavailable(ended.status()));
  CHECK(std::string(ended.status().message()).find(Tid(1, 0, 0)) != std::string::npos);
  CHECK(cluster.Open() == Values{Tid(1, 0, 0)});
}

}  // namespace
}  // namespace weir::taskmanager::kafka::testing
