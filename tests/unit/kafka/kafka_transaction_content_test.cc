#include "taskmanager/connector/kafka/sink/transaction_content.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

namespace weir::taskmanager::kafka {
namespace {

OutgoingRecord Record(std::string_view value, int32_t partition = 0) {
  OutgoingRecord record;
  record.value = value;
  record.partition = partition;
  return record;
}

TEST_CASE("a few records are kept as they are", "[transaction_content]") {
  TransactionContent content(/*keep=*/false);
  OutgoingRecord keyed = Record("v1", 1);
  keyed.has_key = true;
  keyed.key = "k";
  OutgoingRecord tombstone = keyed;
  tombstone.has_value = false;
  tombstone.value = {};
  content.Add(keyed, 5);
  content.Add(tombstone, 6);
  KafkaRecord with_headers;
  with_headers.partition = 2;
  with_headers.value = "v3";
  with_headers.timestamp_ms = 7;
  with_headers.headers = {{"h", "x"}};
  content.Add(with_headers);

  CHECK(content.records() == 3);
  REQUIRE(content.kept());
  const auto records = DecodeRecords(content.wal());
  REQUIRE(records.ok());
  REQUIRE(records->size() == 3);
  CHECK((*records)[0].key == "k");
  CHECK((*records)[0].value == "v1");
  CHECK((*records)[0].partition == 1);
  CHECK((*records)[0].timestamp_ms == 5);
  CHECK((*records)[1].has_key);
  CHECK_FALSE((*records)[1].has_value);
  CHECK((*records)[2] == with_headers);

  uint64_t checksum = 0;
  for (const KafkaRecord& r : *records) {
    checksum += RecordChecksum(r.partition, r.key.data(), r.key.size(), r.has_key, r.value.data(), r.value.size(),
                               r.has_value);
  }
  CHECK(content.checksum() == checksum);
}

TEST_CASE("many records are dropped, their checksum is not", "[transaction_content]") {
  TransactionContent some(false), all(true);
  const std::string value(1000, 'x');
  for (int i = 0; i < 70; ++i) {
    some.Add(Record(value), 0);
    all.Add(Record(value), 0);
  }
  CHECK_FALSE(some.kept());
  CHECK(some.wal().empty());
  CHECK(some.records() == 70);
  CHECK(some.checksum() == all.checksum());
  REQUIRE(all.kept());
  CHECK(DecodeRecords(all.wal())->size() == 70);
  // What does not fit once is not taken up again.
  some.Add(Record("small"), 0);
  CHECK_FALSE(some.kept());
}

TEST_CASE("a checksum knows partition, key and value, not the order", "[transaction_content]") {
  TransactionContent one(false), other(false), moved(false);
  one.Add(Record("a", 0), 0);
  one.Add(Record("b", 1), 0);
  other.Add(Record("b", 1), 0);
  other.Add(Record("a", 0), 0);
  moved.Add(Record("a", 1), 0);
  moved.Add(Record("b", 0), 0);
  CHECK(one.checksum() == other.checksum());
  CHECK(one.checksum() != moved.checksum());
}

TEST_CASE("confirmed records are counted", "[transaction_content]") {
  TransactionContent content(false);
  content.Add(Record("a"), 0);
  content.Add(Record("b"), 0);
  CHECK(content.CheckRuns({{0, 10, 11, 2}}).ok());
  CHECK(content.CheckRuns({{0, 10, 10, 1}, {1, 3, 3, 1}}).ok());
  const absl::Status short_of = content.CheckRuns({{0, 10, 10, 1}});
  CHECK(short_of.code() == absl::StatusCode::kInternal);
  CHECK(short_of.message() == "2 records were written into a transaction, 1 were confirmed");
}

}  // namespace
}  // namespace weir::taskmanager::kafka
