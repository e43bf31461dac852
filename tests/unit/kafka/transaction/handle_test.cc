#include "taskmanager/connector/kafka/transaction/handle.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "tests/unit/kafka/transaction/recovery_fixture.h"

namespace weir::taskmanager::kafka::testing {
namespace {

KafkaHandle Full() {
  KafkaHandle handle;
  handle.mode = KafkaHandle::Mode::kReplay;
  handle.cluster_id = "MkU3OEVBNTcwNTJENDM2Qk";
  handle.transactional_id = Tid(3, 1, 4);
  handle.identity = {int64_t{1} << 40, 32766};
  handle.checkpoint = CheckpointId{77};
  handle.started_ms = 1'700'000'000'123;
  handle.timeout_ms = 600'000;
  handle.topic = "alerts";
  handle.topic_id = std::string("\0\1\2\3\4\5\6\7\x80\x81\x82\x83\x84\x85\x86\xff", 16);
  handle.marker_partition = 2;
  handle.records = 5;
  handle.checksum = 0xfedcba9876543210u;
  handle.runs = {{0, 10, 12, 3}, {1, 0, 7, 2}};
  handle.wal = std::string("a\0b", 3);
  handle.wal_in_file = true;
  return handle;
}

TEST_CASE("a handle is read as it was written") {
  const KafkaHandle handle = Full();
  const auto read = DecodeHandle(EncodeHandle(handle));
  REQUIRE(read.ok());
  CHECK(*read == handle);
}

TEST_CASE("a damaged handle is refused") {
  const std::string bytes = EncodeHandle(Full());
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK(absl::IsDataLoss(DecodeHandle(bytes.substr(0, size)).status()));
  }
  CHECK(absl::IsDataLoss(DecodeHandle(bytes + "x").status()));
  std::string other = bytes;
  other[1] = 7;  // the mode
  CHECK(absl::IsDataLoss(DecodeHandle(other).status()));
}

TEST_CASE("a handle of a later version says so") {
  std::string bytes = EncodeHandle(Full());
  bytes[0] = 2;
  const absl::Status status = DecodeHandle(bytes).status();
  CHECK(absl::IsDataLoss(status));
  CHECK(std::string(status.message()).find("version 2") != std::string::npos);
  KafkaHandle newer = Full();
  newer.txn_protocol = 2;
  CHECK(absl::IsDataLoss(DecodeHandle(EncodeHandle(newer)).status()));
}

TEST_CASE("a transactional id is read as it was written, whatever the sink is called") {
  for (const std::string sink : {"out", "to kafka/2", "100%", "\xc3\xa4lert", "a/b/c", "%2F"}) {
    const TransactionalId id{kJob, sink, Attempt{12}, 3, 4};
    const std::string text = ToString(id);
    CHECK(std::count(text.begin(), text.end(), '/') == 4);
    const auto read = ParseTransactionalId(text);
    REQUIRE(read.ok());
    CHECK(*read == id);
    CHECK(text.rfind(PrefixOf(kJob, sink), 0) == 0);
  }
  CHECK(ToString({kJob, "out", Attempt{12}, 3, 4}) == kJob.value + "/out/12/3/4");
}

TEST_CASE("what is not of our form is nobody's id") {
  const std::string job = kJob.value;
  for (const std::string& text : {std::string(), std::string("my-app"), job + "/out/1/2", job + "/out/1/2/3/4",
                                  job + "/out/01/2/3", job + "/out/-1/2/3", job + "/out/1/2/x", job + "/out/+1/2/3",
                                  job + "/out/1/ 2/3", std::string("short/out/1/2/3"), job + "/a%2/1/2/3", job + "/a%zz/1/2/3",
                                  job + "/a%2f/1/2/3", job + "/a b/1/2/3", job + "/out/99999999999999999999/2/3"}) {
    CHECK(absl::IsInvalidArgument(ParseTransactionalId(text).status()));
  }
}

TEST_CASE("kept records are read as they were written") {
  KafkaRecord plain = Record("k", "v", 2);
  plain.timestamp_ms = 1'700'000'000'000;
  KafkaRecord bare;
  bare.has_value = false;
  KafkaRecord rich = Record("", std::string(1000, '\0'), -1);
  rich.headers = {{"a", "1"}, {"a", ""}, {"", "b"}};
  std::string wal;
  for (const KafkaRecord& record : {plain, bare, rich}) AppendRecord(record, &wal);
  const auto read = DecodeRecords(wal);
  REQUIRE(read.ok());
  CHECK(*read == std::vector<KafkaRecord>{plain, bare, rich});
  CHECK(DecodeRecords("")->empty());
  int whole = 0;
  for (size_t size = 0; size < wal.size(); ++size) whole += DecodeRecords(wal.substr(0, size)).ok() ? 1 : 0;
  CHECK(whole == 3);  // nothing, one record, two records
}

TEST_CASE("the checksum tells apart what is not the same record") {
  const auto sum = [](int32_t partition, const std::string* key, const std::string* value) {
    return RecordChecksum(partition, key ? key->data() : nullptr, key ? key->size() : 0, key != nullptr,
                          value ? value->data() : nullptr, value ? value->size() : 0, value != nullptr);
  };
  const std::string a = "a", b = "b", ab = "ab", none;
  std::set<uint64_t> sums = {sum(0, &a, &b),       sum(1, &a, &b),     sum(0, &b, &a),
                             sum(0, &ab, &none),   sum(0, &none, &ab), sum(0, nullptr, &ab),
                             sum(0, &ab, nullptr), sum(-1, &a, &b),    sum(0, nullptr, nullptr)};
  CHECK(sums.size() == 9);
  CHECK(sum(0, &a, &b) == sum(0, &a, &b));
}

TEST_CASE("a marker tells whose it is") {
  const CheckpointId n{12};
  CHECK(JobOfMarker({n, MarkerMetadata(kJob, n)}) == kJob);
  CHECK(JobOfMarker({CheckpointId{13}, MarkerMetadata(kJob, n)}) == std::nullopt);
  CHECK(JobOfMarker({n, ""}) == std::nullopt);
  CHECK(JobOfMarker({n, "weir1 short 12"}) == std::nullopt);
  CHECK(JobOfMarker({n, MarkerMetadata(kJob, n) + " "}) == std::nullopt);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::testing
