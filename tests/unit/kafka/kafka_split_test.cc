#include "taskmanager/connector/kafka/source/kafka_split.h"

#include <catch2/catch.hpp>
#include <string>

#include "taskmanager/connector/kafka/source/topic_changes.h"

namespace weir::taskmanager::kafka {
namespace {

KafkaSplit Split(std::string topic, int32_t partition, std::string id = std::string(16, 'i')) {
  KafkaSplit split;
  split.topic = std::move(topic);
  split.topic_id = std::move(id);
  split.partition = partition;
  return split;
}

TEST_CASE("kafka split: comes back as it was") {
  KafkaSplit split = Split("orders.v1", 7);
  split.start = 5'000'000'000;
  split.stop = 6'000'000'000;
  const auto encoded = EncodeSplit(split);
  CHECK(encoded.group == "orders.v1/7");
  CHECK(*DecodeSplit(encoded.payload) == split);
  split.stop = KafkaSplit::kNoStop;
  split.topic_id.clear();
  CHECK(*DecodeSplit(EncodeSplit(split).payload) == split);
}

TEST_CASE("kafka split: damaged bytes and later versions are refused") {
  const std::string good = EncodeSplit(Split("t", 1)).payload;
  for (size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(DecodeSplit(good.substr(0, size)).status().code() == absl::StatusCode::kDataLoss);
  }
  CHECK_FALSE(DecodeSplit(good + "x").ok());
  std::string later = good;
  later[0] = 9;
  CHECK_THAT(std::string(DecodeSplit(later).status().message()), Catch::Contains("version 9"));
  CHECK_FALSE(DecodeSplit(EncodeSplit(Split("", 1)).payload).ok());
  CHECK_FALSE(DecodeSplit(EncodeSplit(Split("t", -1)).payload).ok());
}

TEST_CASE("kafka split: positions and origins") {
  const KafkaSplit split = Split("t", 3);
  CHECK(*DecodePosition(EncodePosition(17), split) == 17);
  CHECK_THAT(std::string(DecodePosition("x", split).status().message()),
             Catch::Contains("`x` is no position in topic t [3]"));
  CHECK_FALSE(DecodePosition("-1", split).ok());
  CHECK(Origin(split, 17) == "t-3@17");
}

TEST_CASE("kafka topics: gone, replaced and cut ones are named") {
  const std::vector<KafkaSplit> known = {Split("a", 0), Split("a", 1), Split("b", 0, "")};
  const std::string id(16, 'i');
  auto check = [&](const TopicInfos& found) { return std::string(CheckTopics(known, found).message()); };
  CHECK(CheckTopics(known, {{"a", {id, 2}}, {"b", {"other", 1}}}).ok());  // b's id was not known
  CHECK(CheckTopics(known, {{"a", {"", 3}}, {"b", {"", 1}}}).ok());       // no id can be had
  CHECK_THAT(check({{"a", {id, 2}}}), Catch::Contains("SOURCE_TOPIC_MISSING: topic b"));
  CHECK_THAT(check({{"a", {std::string(16, 'j'), 2}}, {"b", {"", 1}}}),
             Catch::Contains("SOURCE_TOPIC_REPLACED: topic a was deleted and made again"));
  CHECK_THAT(check({{"a", {id, 1}}, {"b", {"", 1}}}),
             Catch::Contains("SOURCE_PARTITION_MISSING: topic a has 1 partitions, partition 1"));
  CHECK(CheckTopics(known, {}).code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("kafka topics: new partitions of known and of new topics") {
  const std::vector<KafkaSplit> known = {Split("b", 0), Split("b", 1)};
  const std::vector<KafkaSplit> added = NewPartitions(known, {{"a", {"x", 1}}, {"b", {"y", 4}}});
  REQUIRE(added.size() == 3);
  CHECK(added[0] == Split("a", 0, "x"));
  CHECK(added[1] == Split("b", 2, "y"));
  CHECK(added[2] == Split("b", 3, "y"));
  CHECK(NewPartitions(known, {{"b", {"y", 2}}}).empty());
  CHECK(NewPartitions(known, {}).empty());
}

}  // namespace
}  // namespace weir::taskmanager::kafka
