#include <catch2/catch.hpp>

#include "taskmanager/connector/kafka/protocol/client/wire_log_reader.h"
#include "tests/unit/kafka/protocol/batch_writer.h"
#include "tests/unit/kafka/protocol/fake_cluster.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

const Api kFetch = FetchRequest::kApi;
const ProducerIdentity kOurs{4001, 3};

FakeBrokers::Body Fetched(const std::string& records, int64_t high_watermark = 1000, int64_t log_start = 0,
                          int16_t error = 0) {
  return [=](WireWriter& out, int16_t version) {
    out.Put(int32_t{0});
    if (version >= 7) {
      out.Put(int16_t{0});
      out.Put(int32_t{0});
    }
    out.PutArraySize(1);
    out.PutString("t");
    out.PutArraySize(1);
    out.Put(int32_t{5});
    out.Put(error);
    out.Put(high_watermark);
    out.Put(high_watermark);
    if (version >= 5) out.Put(log_start);
    out.PutNullArray();
    if (version >= 11) out.Put(int32_t{-1});
    out.PutBytes(records);
    out.EndStruct();
    out.EndStruct();
    out.EndStruct();
  };
}

FakeBrokers::Body EndOfLog(int64_t offset) {
  return [=](WireWriter& out, int16_t version) {
    if (version >= 2) out.Put(int32_t{0});
    out.PutArraySize(1);
    out.PutString("t");
    out.PutArraySize(1);
    out.Put(int32_t{5});
    out.Put(int16_t{0});
    out.Put(int64_t{-1});
    out.Put(offset);
  };
}

struct Fixture {
  FakeBrokers brokers;
  WireLogReader reader{brokers.MakeCluster(), &brokers.clock};
  std::vector<int64_t> offsets;
  absl::Status Read(int64_t first, int64_t last) {
    offsets.clear();
    return reader.Read(
        "t", OffsetRun{5, first, last, 0}, kOurs,
        [&](KafkaRecord record) {
          offsets.push_back(record.offset);
          return absl::OkStatus();
        },
        brokers.clock.now + 60'000'000);
  }
};

std::string Batch(std::vector<int64_t> offsets, ProducerIdentity producer = kOurs, bool control = false) {
  std::vector<KafkaRecord> records;
  for (const int64_t offset : offsets) records.push_back(Record(offset, "k", "v"));
  return WriteBatch(records, {.base_offset = offsets.front(), .control = control, .producer = producer});
}

TEST_CASE("only records of the producer and the epoch, within the run") {
  Fixture f;
  f.brokers.Script(kFetch, {Fetched(Batch({99, 100, 101}) + Batch({102, 103}, {4001, 2}) + Batch({104}, {4002, 3}) +
                                    Batch({105, 107, 108}) + Batch({109}, kOurs, true) + Batch({110, 111, 112}))});
  REQUIRE(f.Read(100, 111).ok());
  CHECK(f.offsets == std::vector<int64_t>{100, 101, 105, 107, 108, 110, 111});
}

TEST_CASE("several fetches, each cut somewhere") {
  Fixture f;
  const std::string second = Batch({103, 104});
  f.brokers.Script(kFetch, {Fetched(Batch({100, 101, 102}) + second.substr(0, 50)),
                            Fetched("", 1000, 0, 6),  // the leader has moved
                            Fetched(second + Batch({105}).substr(0, 12)), Fetched(Batch({105}))});
  REQUIRE(f.Read(100, 105).ok());
  CHECK(f.offsets == std::vector<int64_t>{100, 101, 102, 103, 104, 105});
}

TEST_CASE("a batch that is larger than what was asked for") {
  Fixture f;
  f.brokers.Script(kFetch, {Fetched(Batch({100}).substr(0, 70)), Fetched(Batch({100}))});
  REQUIRE(f.Read(100, 100).ok());
  CHECK(f.offsets == std::vector<int64_t>{100});
}

TEST_CASE("offsets that retention has taken are a loss; what is left is given out first") {
  Fixture f;
  f.brokers.Script(kFetch, {Fetched("", -1, -1, 1), Fetched(Batch({104, 105, 110}))});
  f.brokers.Script(ListOffsetsRequest::kApi, {EndOfLog(104), EndOfLog(201)});
  absl::Status status = f.Read(100, 110);
  INFO(status.message());
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(status.message().find("topic t partition 5 offsets 100 to 110") != absl::string_view::npos);
  CHECK(status.message().find("no offset 100; the log holds 104 to 200") != absl::string_view::npos);
  CHECK(f.offsets == std::vector<int64_t>{104, 105, 110});
  // The log's beginning stands in the answer itself.
  f.brokers.Script(kFetch, {Fetched(Batch({103, 104, 105, 110}), 1000, 104)});
  status = f.Read(100, 110);
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(status.message().find("the log begins at 104") != absl::string_view::npos);
  CHECK(f.offsets == std::vector<int64_t>{104, 105, 110});
}

TEST_CASE("a run that retention has taken whole, and one that was cut off the log's end") {
  Fixture f;
  f.brokers.Script(kFetch, {Fetched("", -1, -1, 1)});
  f.brokers.Script(ListOffsetsRequest::kApi, {EndOfLog(120), EndOfLog(201)});
  CHECK(f.Read(100, 110).code() == absl::StatusCode::kDataLoss);
  f.brokers.Script(ListOffsetsRequest::kApi, {EndOfLog(0), EndOfLog(50)});
  const absl::Status status = f.Read(100, 110);
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(status.message().find("the log holds 0 to 49") != absl::string_view::npos);
  CHECK(f.offsets.empty());
}

TEST_CASE("a log that ends before the run does is a loss, but not at once") {
  Fixture f;
  f.brokers.Script(kFetch, {[&](WireWriter& out, int16_t version) {
                     f.brokers.clock.now += 200'000;
                     Fetched("", 100)(out, version);
                   }});
  const SteadyMicros begun = f.brokers.clock.now;
  const absl::Status status = f.Read(100, 110);
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(status.message().find("the log ends at 100") != absl::string_view::npos);
  CHECK(f.brokers.clock.now - begun >= 5'000'000);
}

TEST_CASE("a partition that is not there is a loss when it stays so") {
  Fixture f;
  f.brokers.Script(kFetch, {Fetched("", -1, -1, 3), Fetched(Batch({100}))});
  REQUIRE(f.Read(100, 100).ok());
  f.brokers.Script(kFetch, {Fetched("", -1, -1, 3)});
  const absl::Status status = f.Read(100, 100);
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(status.message().find("no such partition") != absl::string_view::npos);
}

TEST_CASE("a damaged batch is a loss, and says where") {
  Fixture f;
  std::string bad = Batch({100});
  bad.back() = static_cast<char>(bad.back() ^ 1);
  f.brokers.Script(kFetch, {Fetched(bad)});
  const absl::Status status = f.Read(100, 100);
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK(status.message().find("the batch at offset 100 does not match its checksum") != absl::string_view::npos);
}

TEST_CASE("what the receiver returns is returned") {
  Fixture f;
  f.brokers.Script(kFetch, {Fetched(Batch({100, 101}))});
  const absl::Status status = f.reader.Read(
      "t", OffsetRun{5, 100, 101, 2}, kOurs, [](const KafkaRecord&) { return absl::CancelledError("enough"); },
      f.brokers.clock.now + 60'000'000);
  CHECK(status == absl::CancelledError("enough"));
}

TEST_CASE("no right to read") {
  Fixture f;
  f.brokers.Script(kFetch, {Fetched("", -1, -1, 29)});
  const absl::Status status = f.Read(100, 100);
  CHECK(status.code() == absl::StatusCode::kPermissionDenied);
  CHECK(status.message().find("READ on topic t") != absl::string_view::npos);
}

TEST_CASE("a broker that answers and never gives anything ends at the deadline") {
  Fixture f;
  f.brokers.Script(kFetch, {[&](WireWriter& out, int16_t version) {
                     f.brokers.clock.now += 200'000;
                     Fetched("", 1000)(out, version);
                   }});
  CHECK(f.Read(100, 100).code() == absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol
