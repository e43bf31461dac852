#include "taskmanager/connector/kafka/protocol/record_batch.h"

#include <catch2/catch.hpp>

#include "taskmanager/connector/kafka/protocol/wire.h"
#include "tests/unit/kafka/protocol/batch_writer.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

constexpr size_t kMost = 64 << 20;

std::vector<KafkaRecord> Samples() {
  std::vector<KafkaRecord> records;
  for (int i = 0; i < 3000; ++i) {
    records.push_back(Record(100 + i, "key-" + std::to_string(i % 7), "a value with a number, " + std::to_string(i)));
  }
  records[1].has_key = false;
  records[1].key.clear();
  records[2].has_value = false;
  records[2].value.clear();
  records[3].headers = {{"name", "value"}, {"empty", ""}};
  records[4].timestamp_ms -= 100'000;
  return records;
}

absl::StatusOr<std::vector<KafkaRecord>> RecordsOf(const RecordBatch& batch, size_t most = kMost) {
  std::vector<KafkaRecord> records;
  const absl::Status status = ForEachRecord(batch, 5, most, [&](KafkaRecord record) {
    records.push_back(std::move(record));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return records;
}

RecordBatch Parsed(std::string_view bytes) {
  auto batch = NextBatch(&bytes);
  INFO(batch.status().ToString());
  REQUIRE(batch.ok());
  REQUIRE(batch->has_value());
  CHECK(bytes.empty());
  return **batch;
}

TEST_CASE("a batch of each compression gives its records back") {
  struct Way {
    Compression compression;
    bool xerial;
  };
  for (const Way way : {Way{Compression::kNone, false}, Way{Compression::kGzip, false},
                        Way{Compression::kSnappy, false}, Way{Compression::kSnappy, true},
                        Way{Compression::kLz4, false}, Way{Compression::kZstd, false}}) {
    INFO("compression " << static_cast<int>(way.compression) << (way.xerial ? ", xerial" : ""));
    const std::string bytes = WriteBatch(Samples(), {.compression = way.compression, .xerial = way.xerial});
    const RecordBatch batch = Parsed(bytes);
    CHECK(batch.base_offset == 100);
    CHECK(batch.last_offset == 3099);
    CHECK(batch.producer == ProducerIdentity{4001, 3});
    CHECK(batch.transactional);
    const auto records = RecordsOf(batch);
    INFO(records.status().ToString());
    REQUIRE(records.ok());
    CHECK(*records == Samples());
    if (way.compression == Compression::kNone) continue;
    CHECK(bytes.size() < 60'000);  // it was compressed at all
    CHECK(RecordsOf(batch, 50'000).status().code() == absl::StatusCode::kResourceExhausted);
  }
}

TEST_CASE("compressed data cut short at any byte is an error") {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "line " + std::to_string(i * 7919);
  for (const bool xerial : {false, true}) {
    for (const Compression compression :
         {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
      const std::string bytes = Compress(compression, xerial, text);
      REQUIRE(Decompress(compression, bytes, kMost).value() == text);
      for (size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = Decompress(compression, std::string(bytes.substr(0, size)), kMost);
        INFO("compression " << static_cast<int>(compression) << " xerial " << xerial << " cut to " << size);
        // The frames of Java's client have no end of their own: the records in them tell.
        CHECK((!cut.ok() || *cut != text));
      }
    }
  }
}

TEST_CASE("a flipped bit anywhere behind the checksum is found") {
  const std::string good = WriteBatch({Record(100, "k", "v"), Record(101, "k", "w")});
  for (size_t at = 21; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    std::string_view log = bad;
    INFO("byte " << at);
    CHECK(NextBatch(&log).status().code() == absl::StatusCode::kDataLoss);
  }
}

TEST_CASE("a log of several batches, the last one cut short") {
  const std::string first = WriteBatch({Record(100, "k", "v")});
  const std::string second = WriteBatch({Record(101, "k", "w")}, {.base_offset = 101});
  for (size_t size = 0; size < second.size(); ++size) {
    const std::string bytes = first + second.substr(0, size);
    std::string_view log = bytes;
    REQUIRE((*NextBatch(&log))->last_offset == 100);
    const auto rest = NextBatch(&log);
    INFO("cut to " << size);
    REQUIRE(rest.ok());
    CHECK_FALSE(rest->has_value());
  }
}

TEST_CASE("holes of compaction: fewer records, at their own offsets") {
  const std::string bytes = WriteBatch({Record(103, "k", "v"), Record(109, "k", "w")});
  const RecordBatch batch = Parsed(bytes);
  CHECK(batch.base_offset == 100);
  const auto records = RecordsOf(batch);
  REQUIRE(records.ok());
  CHECK(records->at(0).offset == 103);
  CHECK(records->at(1).offset == 109);
}

TEST_CASE("a batch without records, as compaction leaves it") {
  const std::string bytes = WriteBatch({});
  CHECK(RecordsOf(Parsed(bytes))->empty());
}

TEST_CASE("markers of transactions are no records") {
  const std::string bytes = WriteBatch({Record(100, "k", "v")}, {.control = true});
  const RecordBatch batch = Parsed(bytes);
  CHECK(batch.control);
  CHECK(RecordsOf(batch)->empty());
}

TEST_CASE("with the broker's timestamps all records have the batch's") {
  const std::string bytes = WriteBatch({Record(100, "k", "v"), Record(101, "k", "w")}, {.log_append_time = true});
  const auto records = RecordsOf(Parsed(bytes));
  REQUIRE(records.ok());
  CHECK(records->at(0).timestamp_ms == Record(101, "", "").timestamp_ms);
}

TEST_CASE("batches of old formats are passed over by their offsets") {
  std::string old;
  WireWriter out(&old, false);
  out.Put(int64_t{41});
  out.Put(int32_t{14});
  out.Put(uint32_t{0});  // checksum
  out.Put(int8_t{1});
  out.Put(int8_t{0});
  out.Put(int64_t{0});
  const RecordBatch batch = Parsed(old);
  CHECK(batch.last_offset == 41);
  CHECK(RecordsOf(batch)->empty());
}

TEST_CASE("what is sealed with a right checksum and still wrong is an error, not a crash") {
  const std::string good = WriteBatch({Record(100, "key", "value"), Record(101, "k", "w")});
  int errors = 0;
  for (size_t at = 61; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      Seal(&bad);
      errors += RecordsOf(Parsed(bad)).ok() ? 0 : 1;
    }
  }
  CHECK(errors > 50);
}

TEST_CASE("what the receiver of records returns ends the batch") {
  const std::string bytes = WriteBatch({Record(100, "k", "v"), Record(101, "k", "w")});
  int calls = 0;
  const absl::Status status = ForEachRecord(Parsed(bytes), 5, kMost, [&](const KafkaRecord&) {
    ++calls;
    return absl::CancelledError("enough");
  });
  CHECK(status == absl::CancelledError("enough"));
  CHECK(calls == 1);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
