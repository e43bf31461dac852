#include <catch2/catch.hpp>

#include "taskmanager/connector/kafka/protocol/client/wire_coordinator.h"
#include "tests/unit/kafka/protocol/fake_cluster.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

const Api kEnd = EndTxnRequest::kApi;
const Api kInit = InitProducerIdRequest::kApi;
const ProducerIdentity kIdentity{4001, 3};

struct Fixture {
  FakeBrokers brokers;
  WireCoordinator coordinator{brokers.MakeCluster()};
  SteadyMicros In(SteadyMicros seconds) const { return brokers.clock.now + seconds * 1'000'000; }
  absl::StatusOr<EndOutcome> Commit(SteadyMicros seconds = 10) {
    return coordinator.Commit("x/0", kIdentity, In(seconds));
  }
};

TEST_CASE("a commit at a known coordinator is one round trip on a kept connection") {
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 0)});
  CHECK(*f.Commit() == EndOutcome::kCommitted);
  CHECK(f.brokers.calls == std::vector<std::string>{"FindCoordinator@1", "EndTxn@1"});
  f.brokers.calls.clear();
  for (int i = 0; i < 3; ++i) CHECK(*f.Commit() == EndOutcome::kCommitted);
  CHECK(f.brokers.calls == std::vector<std::string>{"EndTxn@1", "EndTxn@1", "EndTxn@1"});
  CHECK(f.brokers.dials == 1);
  CHECK(f.brokers.pauses.empty());
}

TEST_CASE("a commit says who, and that it commits, in a version of at most 4") {
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 0)});
  REQUIRE(f.Commit().ok());
  // The client id, no tags, id, producer id, epoch, committed, no tags.
  const std::string expected("\0\4test\0\4x/0\0\0\0\0\0\0\x0f\xa1\0\3\1\0", 6 + 1 + 4 + 8 + 2 + 1 + 1);
  CHECK(f.brokers.bodies.back() == expected);
}

TEST_CASE("what a commit may come to") {
  for (const int16_t error : {47, 48, 49, 59, 90, 120}) {
    Fixture f;
    f.brokers.Script(kEnd, {ErrorAnswer(kEnd, error)});
    const auto outcome = f.Commit();
    INFO(error);
    REQUIRE(outcome.ok());
    CHECK(*outcome == EndOutcome::kUncertain);
    CHECK(f.brokers.pauses.empty());
  }
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 53)});
  const absl::Status denied = f.Commit().status();
  CHECK(denied.code() == absl::StatusCode::kPermissionDenied);
  CHECK(denied.message().find("WRITE on transactional id x/0") != absl::string_view::npos);
}

TEST_CASE("what passes by itself is tried again") {
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 51), ErrorAnswer(kEnd, 14), ErrorAnswer(kEnd, 15), ErrorAnswer(kEnd, 7),
                          ErrorAnswer(kEnd, 0)});
  CHECK(*f.Commit() == EndOutcome::kCommitted);
  CHECK(f.brokers.pauses.size() == 4);
  for (size_t i = 1; i < f.brokers.pauses.size(); ++i) CHECK(f.brokers.pauses[i] > f.brokers.pauses[i - 1]);
}

TEST_CASE("a coordinator that has moved is found again") {
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 0)});
  REQUIRE(f.Commit().ok());
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 16), ErrorAnswer(kEnd, 0)});
  f.brokers.coordinator = 2;
  f.brokers.calls.clear();
  CHECK(*f.Commit() == EndOutcome::kCommitted);
  CHECK(f.brokers.calls == std::vector<std::string>{"EndTxn@1", "FindCoordinator@1", "EndTxn@2"});
}

TEST_CASE("a coordinator that has died is found again, by way of another broker") {
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 0)});
  REQUIRE(f.Commit().ok());
  f.brokers.down[1] = true;
  f.brokers.coordinator = 2;
  CHECK(*f.Commit() == EndOutcome::kCommitted);
  CHECK(f.brokers.calls.back() == "EndTxn@2");
}

TEST_CASE("connections that were closed while they lay idle cost no pause") {
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 0)});
  REQUIRE(f.Commit().ok());
  f.brokers.LoseConnections();
  CHECK(*f.Commit() == EndOutcome::kCommitted);
  CHECK(f.brokers.pauses.empty());
  CHECK(f.brokers.dials == 2);
}

TEST_CASE("a reply that was lost: the commit is sent again") {
  Fixture f;
  f.brokers.Script(kEnd, {Lost(), ErrorAnswer(kEnd, 0)});
  CHECK(*f.Commit() == EndOutcome::kCommitted);
  f.brokers.Script(kEnd, {Silence(), ErrorAnswer(kEnd, 0)});
  const SteadyMicros begun = f.brokers.clock.now;
  CHECK(*f.Commit(60) == EndOutcome::kCommitted);
  CHECK(f.brokers.clock.now - begun < 10'000'000);  // a silent broker does not get all of the time
}

TEST_CASE("at the deadline: unavailable, with the last error") {
  Fixture f;
  f.brokers.Script(kEnd, {ErrorAnswer(kEnd, 51)});
  const SteadyMicros deadline = f.In(3);
  const absl::Status status = f.coordinator.Commit("x/0", kIdentity, deadline).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(status.message().find("CONCURRENT_TRANSACTIONS (51)") != absl::string_view::npos);
  CHECK(status.message().find("x/0") != absl::string_view::npos);
  CHECK(f.brokers.clock.now <= deadline);
  f.brokers.down[1] = f.brokers.down[2] = true;
  const absl::Status nobody = f.Commit(3).status();
  CHECK(nobody.code() == absl::StatusCode::kUnavailable);
  CHECK(nobody.message().find("refused by broker2") != absl::string_view::npos);
}

TEST_CASE("a login that is refused is not tried again") {
  Fixture f;
  f.brokers.dial_error = absl::UnauthenticatedError("login by PLAIN as a: no");
  CHECK(f.Commit().status().code() == absl::StatusCode::kUnauthenticated);
  CHECK(f.brokers.dials == 1);
  CHECK(f.coordinator.Supported(f.In(10)).status().code() == absl::StatusCode::kUnauthenticated);
}

TEST_CASE("a damaged answer is no loss of data, but one more lost connection") {
  Fixture f;
  f.brokers.Script(kEnd, {[](WireWriter& out, int16_t) { out.PutRaw("?"); }, ErrorAnswer(kEnd, 0)});
  CHECK(*f.Commit() == EndOutcome::kCommitted);
  f.brokers.Script(kEnd, {[](WireWriter& out, int16_t) { out.PutRaw("?"); }});
  CHECK(f.Commit(1).status().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("fencing goes on until it succeeds") {
  Fixture f;
  f.brokers.Script(kInit, {ErrorAnswer(kInit, 51), ErrorAnswer(kInit, 51), ErrorAnswer(kInit, 90),
                           ErrorAnswer(kInit, 47), ErrorAnswer(kInit, 0)});
  const auto fenced = f.coordinator.Fence("x/0", 60'000, f.In(10));
  REQUIRE(fenced.ok());
  CHECK(*fenced == ProducerIdentity{4001, 7});
  f.brokers.Script(kInit, {ErrorAnswer(kInit, 50)});
  const absl::Status status = f.coordinator.Fence("x/0", 60'000'000, f.In(10)).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(status.message().find("transaction.max.timeout.ms") != absl::string_view::npos);
}

FakeBrokers::Body Described(int16_t error, const std::string& state) {
  return [=](WireWriter& out, int16_t) {
    out.Put(int32_t{0});
    out.PutArraySize(1);
    out.Put(error);
    out.PutString("x/0");
    out.PutString(state);
    out.Put(int32_t{60'000});
    out.Put(int64_t{77});
    out.Put(int64_t{4001});
    out.Put(int16_t{3});
    out.PutArraySize(0);
    out.EndStruct();
    out.EndStruct();
  };
}

TEST_CASE("descriptions") {
  Fixture f;
  const Api api = DescribeTransactionsRequest::kApi;
  f.brokers.Script(api, {Described(0, "Ongoing")});
  const auto found = f.coordinator.Describe("x/0", f.In(10));
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  CHECK((*found)->state == TransactionDescription::State::kOngoing);
  CHECK((*found)->identity == kIdentity);
  CHECK((*found)->timeout_ms == 60'000);
  CHECK((*found)->started_ms == 77);
  f.brokers.Script(api, {Described(0, "SomethingNew")});
  CHECK((*f.coordinator.Describe("x/0", f.In(10)))->state == TransactionDescription::State::kUnknown);
  f.brokers.Script(api, {Described(16, ""), Described(105, "")});
  CHECK_FALSE(f.coordinator.Describe("x/0", f.In(10))->has_value());
  f.brokers.Script(api, {Described(53, "")});
  CHECK(f.coordinator.Describe("x/0", f.In(10)).status().code() == absl::StatusCode::kPermissionDenied);
}

TEST_CASE("the list is of all brokers, by prefix, each transaction once") {
  Fixture f;
  const Api api = ListTransactionsRequest::kApi;
  const auto list = [](std::vector<std::string> ids) -> FakeBrokers::Body {
    return [ids](WireWriter& out, int16_t) {
      out.Put(int32_t{0});
      out.Put(int16_t{0});
      out.PutArraySize(0);
      out.PutArraySize(ids.size());
      for (const std::string& id : ids) {
        out.PutString(id);
        out.Put(int64_t{5});
        out.PutString("Ongoing");
        out.EndStruct();
      }
      out.EndStruct();
    };
  };
  f.brokers.Script(api, {list({"x/0", "y/0"}), list({"x/1", "x/0"})});
  const auto found = f.coordinator.ListOngoing("x/", f.In(10));
  REQUIRE(found.ok());
  REQUIRE(found->size() == 2);
  CHECK(found->at(0).transactional_id == "x/0");
  CHECK(found->at(1).transactional_id == "x/1");
  CHECK(f.brokers.calls ==
        std::vector<std::string>{"Metadata@1", "ListTransactions@1", "ListTransactions@2"});
  // Half a list is none: a transaction that is not seen would hold readers back.
  f.brokers.Script(api, {list({"x/0"}), Lost()});
  CHECK(f.coordinator.ListOngoing("x/", f.In(2)).status().code() == absl::StatusCode::kUnavailable);
}

FakeBrokers::Body MarkerAnswer(int16_t group_error, int16_t error, int64_t offset) {
  return [=](WireWriter& out, int16_t version) {
    out.Put(int32_t{0});
    if (version >= 8) {
      out.PutArraySize(1);
      out.PutString("x/0");
    }
    out.PutArraySize(1);
    out.PutString("t");
    out.PutArraySize(1);
    out.Put(int32_t{5});
    out.Put(offset);
    out.Put(int32_t{-1});
    out.PutString("meta");
    out.Put(error);
    out.EndStruct();
    out.EndStruct();
    out.Put(group_error);
    if (version >= 8) out.EndStruct();
    out.EndStruct();
  };
}

TEST_CASE("markers") {
  Fixture f;
  const Api api = OffsetFetchRequest::kApi;
  const auto read = [&](bool stable) { return f.coordinator.ReadMarker("x/0", "t", 5, stable, f.In(2)); };
  f.brokers.Script(api, {MarkerAnswer(0, 88, -1), MarkerAnswer(16, 0, -1), MarkerAnswer(0, 0, 17)});
  const auto found = read(true);
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  CHECK((*found)->checkpoint == CheckpointId(17));
  CHECK((*found)->metadata == "meta");
  f.brokers.Script(api, {MarkerAnswer(0, 0, -1)});
  CHECK_FALSE(read(false)->has_value());
  f.brokers.Script(api, {MarkerAnswer(69, 0, -1)});
  CHECK_FALSE(read(false)->has_value());
  f.brokers.Script(api, {MarkerAnswer(0, 29, -1)});
  CHECK(read(false).status().message().find("DESCRIBE on topic t") != absl::string_view::npos);
  f.brokers.Script(api, {MarkerAnswer(30, 0, -1)});
  CHECK(read(false).status().message().find("DESCRIBE on group x/0") != absl::string_view::npos);
}

TEST_CASE("cluster and topic ids") {
  Fixture f;
  CHECK(*f.coordinator.ClusterId(f.In(10)) == "cluster");
  CHECK(*f.coordinator.TopicId("t", f.In(10)) == "0123456789abcdef");
}

TEST_CASE("a broker that lacks a request is one for the other mode") {
  Fixture f;
  CHECK(*f.coordinator.Supported(f.In(10)));
  std::erase_if(f.brokers.ranges, [](const auto& range) { return range.key == DescribeTransactionsRequest::kApi.key; });
  Fixture g;
  g.brokers.ranges = f.brokers.ranges;
  CHECK_FALSE(*g.coordinator.Supported(g.In(10)));
  CHECK(g.coordinator.Describe("x/0", g.In(10)).status().code() == absl::StatusCode::kUnimplemented);
  Fixture h;
  h.brokers.dial_error = absl::UnimplementedError("login by GSSAPI");
  CHECK_FALSE(*h.coordinator.Supported(h.In(10)));
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
