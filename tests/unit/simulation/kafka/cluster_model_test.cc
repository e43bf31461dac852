#include "tests/simulation/kafka/cluster_model.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::sim {
namespace {

using namespace taskmanager::kafka::protocol;

constexpr SteadyMicros kSecond = 1'000'000;

KafkaRecord Record(const std::string& value) {
  KafkaRecord record;
  record.value = value;
  return record;
}

/// A cluster of one broker and a producer on it.
struct Fixture {
  Fixture() : cluster(Options(), Rng(3)) { cluster.CreateTopic("t", 1); }
  static ClusterModel::Options Options() {
    ClusterModel::Options options;
    options.brokers = 1;
    return options;
  }
  void Pass(SteadyMicros micros = kSecond) { cluster.Advance(cluster.now() + micros); }
  ProducerIdentity Init(const std::string& id) {
    BrokerAnswer answer;
    do {
      answer = cluster.InitProducerId(0, id, 60'000);
      Pass();
    } while (answer.error == kConcurrentTransactions);
    REQUIRE(answer.error == kNone);
    return answer.identity;
  }
  int16_t Produce(const std::string& id, const ProducerIdentity& producer, int32_t sequence, const std::string& value,
                  int64_t* offset = nullptr) {
    const BrokerAnswer answer = cluster.Produce(0, &id, producer, "t", 0, sequence, {Record(value)});
    if (offset != nullptr) *offset = answer.offset;
    return answer.error;
  }
  std::vector<std::string> Committed() {
    std::vector<std::string> values;
    for (const KafkaRecord& record : cluster.Committed("t", 0)) values.push_back(record.value);
    return values;
  }
  ClusterModel cluster;
};

TEST_CASE("records of a transaction are seen when it is committed, and hold back what comes after them") {
  Fixture f;
  const ProducerIdentity a = f.Init("a"), b = f.Init("b");
  CHECK(f.Produce("a", a, 0, "early") == kInvalidTxnState);  // its partition is not in the transaction
  REQUIRE(f.cluster.AddPartition(0, "a", a, "t", 0).error == kNone);
  REQUIRE(f.cluster.AddPartition(0, "b", b, "t", 0).error == kNone);
  f.Pass();
  CHECK(f.Produce("a", a, 0, "a1") == kNone);
  CHECK(f.Produce("b", b, 0, "b1") == kNone);
  CHECK(f.cluster.EndTxn(0, "b", b, true, 4).error == kNone);
  f.Pass();
  CHECK(f.Committed().empty());
  CHECK(f.cluster.EndTxn(0, "a", a, false, 4).error == kNone);
  f.Pass();
  CHECK(f.Committed() == std::vector<std::string>{"b1"});
  CHECK(f.cluster.log("t", 0)->last_stable() == f.cluster.log("t", 0)->end());
}

TEST_CASE("a batch that comes twice is one; one that comes too early is refused") {
  Fixture f;
  const ProducerIdentity a = f.Init("a");
  REQUIRE(f.cluster.AddPartition(0, "a", a, "t", 0).error == kNone);
  f.Pass();
  int64_t first = 0, again = 0;
  CHECK(f.Produce("a", a, 0, "1", &first) == kNone);
  CHECK(f.Produce("a", a, 1, "2") == kNone);
  CHECK(f.Produce("a", a, 0, "1", &again) == kNone);
  CHECK(first == again);
  CHECK(f.Produce("a", a, 3, "4") == 45);
  CHECK(f.cluster.log("t", 0)->end() == 2);
}

TEST_CASE("after a fence the old producer writes nothing any more") {
  Fixture f;
  const ProducerIdentity old = f.Init("a");
  REQUIRE(f.cluster.AddPartition(0, "a", old, "t", 0).error == kNone);
  f.Pass();
  CHECK(f.Produce("a", old, 0, "1") == kNone);
  f.Init("a");
  CHECK(f.Produce("a", old, 1, "2") == kInvalidProducerEpoch);
  CHECK(f.cluster.EndTxn(0, "a", old, true, 4).error == kProducerFenced);
  CHECK(f.Committed().empty());
  CHECK(f.cluster.log("t", 0)->last_stable() == f.cluster.log("t", 0)->end());
}

TEST_CASE("a marker counts when its transaction is committed, and makes a stable read wait until then") {
  Fixture f;
  const ProducerIdentity a = f.Init("a");
  const Marker marker{CheckpointId{7}, "seven"};
  CHECK(f.cluster.TxnOffsetCommit(0, "a", a, "a", "t", 0, marker).error == kInvalidTxnState);
  REQUIRE(f.cluster.AddOffsets(0, "a", a, "a").error == kNone);
  f.Pass();
  REQUIRE(f.cluster.TxnOffsetCommit(0, "a", a, "a", "t", 0, marker).error == kNone);
  std::optional<Marker> found;
  CHECK(f.cluster.OffsetFetch(0, "a", "t", 0, true, &found).error == kUnstableOffsetCommit);
  CHECK(f.cluster.OffsetFetch(0, "a", "t", 0, false, &found).error == kNone);
  CHECK_FALSE(found.has_value());
  REQUIRE(f.cluster.EndTxn(0, "a", a, true, 4).error == kNone);
  f.Pass();
  CHECK(f.cluster.OffsetFetch(0, "a", "t", 0, true, &found).error == kNone);
  REQUIRE(found.has_value());
  CHECK(found->checkpoint == CheckpointId{7});
  CHECK(f.cluster.DeleteGroup(0, "a").error == kNone);
  found.reset();
  CHECK(f.cluster.OffsetFetch(0, "a", "t", 0, true, &found).error == kNone);
  CHECK_FALSE(found.has_value());
}

TEST_CASE("while nobody leads, nobody answers; after that all that was acknowledged is there") {
  Fixture f;
  const ProducerIdentity a = f.Init("a");
  f.cluster.KillBroker(0);
  CHECK(f.cluster.CoordinatorOf(false, "a") == -1);
  CHECK(f.cluster.LeaderOf("t", 0) == -1);
  f.cluster.StartBroker(0);
  CHECK(f.cluster.EndTxn(0, "a", a, true, 4).error == kNotCoordinator);
  f.Pass(10 * kSecond);
  CHECK(f.cluster.EndTxn(0, "a", a, true, 4).error == kInvalidTxnState);
}

}  // namespace
}  // namespace weir::sim
