#include <catch2/catch.hpp>

#include "taskmanager/connector/kafka/protocol/frame.h"
#include "taskmanager/connector/kafka/protocol/messages.h"
#include "tests/unit/kafka/protocol/response_samples.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

std::string AnswerOf(const std::string& name) {
  for (const ResponseSample& sample : AllResponseSamples()) {
    if (sample.name == name) return sample.answer;
  }
  FAIL("no sample " << name);
  return "";
}

template <typename Request>
typename Request::Response Decoded(int16_t version) {
  auto response = DecodeResponse<Request>(
      version, 7, AnswerOf(std::string(Request::kApi.name) + " v" + std::to_string(version)));
  INFO(response.status().ToString());
  REQUIRE(response.ok());
  return *std::move(response);
}

TEST_CASE("every response decodes in every version, and no version of it is forgotten") {
  const auto samples = AllResponseSamples();
  CHECK(samples.size() == 53);
  for (const ResponseSample& sample : samples) {
    INFO(sample.name);
    const absl::Status status = sample.decode(sample.answer);
    INFO(status.ToString());
    CHECK(status.ok());
  }
}

TEST_CASE("a response cut short at any byte, or one byte too long, is an error") {
  for (const ResponseSample& sample : AllResponseSamples()) {
    for (size_t size = 0; size < sample.answer.size(); ++size) {
      INFO(sample.name << " cut to " << size << " of " << sample.answer.size());
      // A copy of just that size, so that a read past its end is seen by the address sanitizer.
      CHECK(sample.decode(std::string(sample.answer.substr(0, size))).code() == absl::StatusCode::kDataLoss);
    }
    INFO(sample.name);
    CHECK(sample.decode(sample.answer + '\0').code() == absl::StatusCode::kDataLoss);
  }
}

TEST_CASE("the answer to another request is an error") {
  const auto response = DecodeResponse<EndTxnRequest>(3, 8, AnswerOf("EndTxn v3"));
  CHECK(response.status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("what responses say") {
  for (int16_t version = 4; version <= 12; ++version) {
    INFO("Metadata v" << version);
    const MetadataResponse metadata = Decoded<MetadataRequest>(version);
    REQUIRE(metadata.brokers.size() == 2);
    CHECK(metadata.brokers[1].node == 2);
    CHECK(metadata.brokers[1].host == "broker");
    CHECK(metadata.brokers[1].port == 9093);
    CHECK(metadata.cluster_id == "cluster");
    REQUIRE(metadata.topics.size() == 1);
    CHECK(metadata.topics[0].name == "t");
    CHECK(metadata.topics[0].id == (version >= 10 ? "0123456789abcdef" : ""));
    REQUIRE(metadata.topics[0].partitions.size() == 1);
    CHECK(metadata.topics[0].partitions[0].index == 5);
    CHECK(metadata.topics[0].partitions[0].leader == 2);
  }
  for (int16_t version = 1; version <= 4; ++version) {
    const FindCoordinatorResponse found = Decoded<FindCoordinatorRequest>(version);
    CHECK((found.error == 0 && found.node == 1 && found.host == "broker" && found.port == 9092));
  }
  for (int16_t version = 0; version <= 4; ++version) {
    const InitProducerIdResponse init = Decoded<InitProducerIdRequest>(version);
    CHECK((init.error == 0 && init.producer_id == 4001 && init.producer_epoch == 4));
    CHECK(Decoded<EndTxnRequest>(version).error == 90);
  }
  const auto described = Decoded<DescribeTransactionsRequest>(0).transactions;
  REQUIRE(described.size() == 1);
  CHECK(described[0].transactional_id == "x/0");
  CHECK(described[0].state == "Ongoing");
  CHECK(described[0].timeout_ms == 60'000);
  CHECK(described[0].started_ms == 1'700'000'000'000);
  CHECK(described[0].producer_id == 4001);
  CHECK(described[0].producer_epoch == 3);
  const auto listed = Decoded<ListTransactionsRequest>(0).transactions;
  REQUIRE(listed.size() == 1);
  CHECK((listed[0].transactional_id == "x/0" && listed[0].producer_id == 4001 && listed[0].state == "Ongoing"));
  for (int16_t version = 0; version <= 2; ++version) {
    CHECK(Decoded<ListGroupsRequest>(version).groups == std::vector<std::string>{"x/0"});
    CHECK(Decoded<DeleteGroupsRequest>(version).error == 69);
  }
  for (int16_t version = 7; version <= 8; ++version) {
    const OffsetFetchResponse marker = Decoded<OffsetFetchRequest>(version);
    CHECK((marker.error == 0 && marker.found && marker.offset == 17 && marker.metadata == "marker"));
  }
  for (int16_t version = 1; version <= 3; ++version) CHECK(Decoded<ListOffsetsRequest>(version).offset == 12);
  for (int16_t version = 4; version <= 12; ++version) {
    const FetchResponse fetch = Decoded<FetchRequest>(version);
    CHECK((fetch.error == 0 && fetch.found && fetch.high_watermark == 200 && fetch.records == "some batches"));
    CHECK(fetch.log_start == (version >= 5 ? 3 : -1));
  }
  const ApiVersionsResponse apis = Decoded<ApiVersionsRequest>(3);
  REQUIRE(apis.ranges.size() == 2);
  CHECK((apis.ranges[1].key == 65 && apis.ranges[1].oldest == 0 && apis.ranges[1].newest == 5));
  REQUIRE(apis.finalized.size() == 1);
  CHECK((apis.finalized[0].name == "transaction.version" && apis.finalized[0].newest_level == 2));
  CHECK(Decoded<SaslHandshakeRequest>(1).mechanisms == std::vector<std::string>{"PLAIN", "SCRAM-SHA-512"});
  CHECK(Decoded<SaslAuthenticateRequest>(0).session_lifetime_ms == 0);
  CHECK(Decoded<SaslAuthenticateRequest>(1).session_lifetime_ms == 3'600'000);
  CHECK(Decoded<SaslAuthenticateRequest>(2).bytes == "v=abc");
}

TEST_CASE("a count that cannot be takes no memory") {
  // EndTxn's neighbour with an array: two thousand million transactions announced in a few bytes.
  std::string answer("\0\0\0\7\0\0\0\0\0\0\0\1", 12);
  answer += "\xff\xff\xff\xff\x07";
  CHECK(DecodeResponse<ListTransactionsRequest>(0, 7, answer).status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("varints at their limits") {
  const auto read = [](std::string bytes) {
    WireReader in(bytes, true);
    const int64_t value = in.GetVarlong();
    return std::make_pair(in.AtEnd(), value);
  };
  CHECK(read("\x01") == std::make_pair(true, int64_t{-1}));
  CHECK(read("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01") == std::make_pair(true, INT64_MAX));
  CHECK(read("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") == std::make_pair(true, INT64_MIN));
  CHECK_FALSE(read("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02").first);
  CHECK_FALSE(read("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").first);
  std::string five = "\xff\xff\xff\xff\x1f";  // 33 bits
  WireReader in(five, true);
  in.GetUvarint();
  CHECK_FALSE(in.ok());
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
