#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"
#include "taskmanager/connector/kafka/rdkafka/producer.h"
#include "taskmanager/connector/kafka/transaction/repair_producer.h"

namespace weir::taskmanager::kafka {
namespace {

/// librdkafka's own broker in this process.
class MockBroker {
 public:
  explicit MockBroker(int partitions) {
    char reason[256];
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    REQUIRE(handle_ != nullptr);
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    rd_kafka_mock_topic_create(cluster_, "t", partitions, 1);
  }
  ~MockBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  rd_kafka_mock_cluster_t* cluster() { return cluster_; }
  ConnectionOptions connection() const {
    ConnectionOptions connection;
    connection.brokers = {rd_kafka_mock_cluster_bootstraps(cluster_)};
    return connection;
  }

 private:
  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

constexpr int64_t kLongMs = 30'000;

ProducerOptions OptionsOf(const MockBroker& broker, const std::string& id) {
  ProducerOptions options;
  options.connection = broker.connection();
  options.name = "sink s";
  options.topic = "t";
  options.transactional_id = id;
  options.transaction_timeout_ms = 60'000;
  return options;
}

std::unique_ptr<RdkafkaProducer> WarmProducer(ProducerOptions options) {
  auto producer = RdkafkaProducer::Create(std::move(options));
  REQUIRE(producer.ok());
  const absl::Status warmed = (*producer)->Warm(kLongMs);
  INFO(warmed.ToString());
  REQUIRE(warmed.ok());
  return std::move(*producer);
}

std::vector<OutgoingRecord> RecordsOf(const std::string& value, int count, int partitions) {
  std::vector<OutgoingRecord> records(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    records[static_cast<size_t>(i)].value = value;
    records[static_cast<size_t>(i)].partition = i % partitions;
  }
  return records;
}

TEST_CASE("a transaction: every record has its place, then it is committed", "[kafka_client]") {
  MockBroker broker(3);
  auto producer = WarmProducer(OptionsOf(broker, "id"));
  CHECK(producer->partition_count() == 3);
  CHECK_FALSE(producer->cluster_id().empty());
  REQUIRE(producer->Begin().ok());
  const auto records = RecordsOf("value", 1000, 2);
  REQUIRE(producer->Produce(records.data(), records.size(), kLongMs).ok());
  CHECK(producer->Produced() == std::vector<int64_t>{500, 500, 0});
  REQUIRE(producer->Drain(producer->Produced(), kLongMs).ok());
  const std::vector<OffsetRun> runs = producer->Runs();
  REQUIRE(runs.size() == 2);
  for (const OffsetRun& run : runs) {
    CHECK(run.records == 500);
    CHECK(run.last - run.first == 499);
  }
  REQUIRE(producer->SendMarker(0, {CheckpointId{3}, "m"}, kLongMs).ok());
  CHECK(producer->Commit(kLongMs).ok());
}

TEST_CASE("more than there is room for goes through", "[kafka_client]") {
  MockBroker broker(1);
  ProducerOptions options = OptionsOf(broker, "id");
  options.memory_bytes = 50'000;
  auto producer = WarmProducer(std::move(options));
  REQUIRE(producer->Begin().ok());
  const auto records = RecordsOf(std::string(100, 'x'), 100, 1);
  for (int i = 0; i < 50; ++i) REQUIRE(producer->Produce(records.data(), records.size(), kLongMs).ok());
  REQUIRE(producer->Drain(producer->Produced(), kLongMs).ok());
  REQUIRE(producer->Runs().size() == 1);
  CHECK(producer->Runs()[0].records == 5000);
}

TEST_CASE("a record that is too large is named", "[kafka_client]") {
  MockBroker broker(1);
  auto producer = WarmProducer(OptionsOf(broker, "id"));
  REQUIRE(producer->Begin().ok());
  const std::string large(2'000'000, 'x');
  OutgoingRecord record;
  record.value = large;
  const absl::Status status = producer->Produce(&record, 1, kLongMs);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(status.message()).find("RECORD_TOO_LARGE: a record of 2000000 bytes for topic t [0]") == 0);
  CHECK(std::string(status.message()).find("max.message.bytes") != std::string::npos);
  // It is the end of this producer: the transaction is not whole.
  record.value = "small";
  CHECK_FALSE(producer->Produce(&record, 1, kLongMs).ok());
  CHECK_FALSE(producer->Drain(producer->Produced(), kLongMs).ok());
}

TEST_CASE("losses are counted where nobody waits", "[kafka_client]") {
  MockBroker broker(1);
  ProducerOptions options = OptionsOf(broker, "");
  options.count_losses = true;
  auto producer = WarmProducer(std::move(options));
  const std::string large(2'000'000, 'x');
  std::vector<OutgoingRecord> records(3);
  records[0].value = "a";
  records[1].value = large;
  records[2].value = "b";
  REQUIRE(producer->Produce(records.data(), records.size(), kLongMs).ok());
  REQUIRE(producer->Drain(producer->Produced(), kLongMs).ok());
  CHECK(producer->losses() == 1);
  CHECK(producer->last_loss().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("the broker's refusal of a record ends the transaction", "[kafka_client]") {
  MockBroker broker(1);
  auto producer = WarmProducer(OptionsOf(broker, "id"));
  REQUIRE(producer->Begin().ok());
  rd_kafka_mock_push_request_errors(broker.cluster(), 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  OutgoingRecord record;
  record.value = "a";
  producer->Produce(&record, 1, kLongMs).IgnoreError();
  const absl::Status status = producer->Drain(producer->Produced(), kLongMs);
  CHECK(status.code() == absl::StatusCode::kPermissionDenied);
  CHECK(std::string(status.message()).find("t [0]") != std::string::npos);
}

TEST_CASE("records with headers, keys and without a value", "[kafka_client]") {
  MockBroker broker(2);
  auto producer = WarmProducer(OptionsOf(broker, "id"));
  REQUIRE(producer->Begin().ok());
  KafkaRecord record;
  record.partition = 1;
  record.timestamp_ms = 1'700'000'000'000;
  record.has_key = true;
  record.key = "k";
  record.has_value = false;
  record.headers = {{"a", "1"}, {"b", ""}};
  REQUIRE(producer->Produce(record, kLongMs).ok());
  record.partition = 2;
  CHECK(producer->Produce(record, kLongMs).code() == absl::StatusCode::kNotFound);
  REQUIRE(producer->Drain(producer->Produced(), kLongMs).ok());
  CHECK(producer->Runs() == std::vector<OffsetRun>{{1, 0, 0, 1}});
}

TEST_CASE("a repair is one transaction with its marker", "[kafka_client]") {
  MockBroker broker(2);
  const RepairProducerFactory factory = MakeRepairProducerFactory(MakeRdkafkaProducers(), OptionsOf(broker, ""));
  auto repair = factory("id");
  REQUIRE(repair.ok());
  REQUIRE((*repair)->Init().ok());
  KafkaRecord record;
  record.value = "v";
  record.partition = 1;
  CHECK((*repair)->Produce("other", record).code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE((*repair)->Produce("t", record).ok());
  REQUIRE((*repair)->Produce("t", record).ok());
  CHECK((*repair)->Commit("t", 0, {CheckpointId{4}, "m"}).ok());
}

TEST_CASE("keys go where librdkafka puts them, records without where they are told", "[kafka_client]") {
  MockBroker broker(4);
  ProducerOptions options = OptionsOf(broker, "");
  auto murmur = WarmProducer(options);
  // Kafka's Java client: toPositive(murmur2("user-1")) % 4.
  CHECK(murmur->PartitionOf("user-1", true, 0) == murmur->PartitionOf("user-1", true, 3));
  CHECK(murmur->PartitionOf("", false, 7) == 3);
  options.partitioner = "consistent";
  auto consistent = WarmProducer(options);
  CHECK(consistent->PartitionOf("", false, 1) == consistent->PartitionOf("", false, 2));
  options.partitioner = "nonsense";
  CHECK(RdkafkaProducer::Create(options).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("properties that librdkafka refuses are named, secrets are not shown", "[kafka_client]") {
  ConnectionOptions connection;
  connection.brokers = {"127.0.0.1:1"};
  connection.properties = {{"linger.msec", "5"}};
  const auto unknown = ClientConf::Make(connection, "source s");
  REQUIRE(unknown.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(unknown.status().message()).find("linger.msec") != std::string::npos);
  connection.properties = {{"ssl.key.pem", "hush"}, {"ssl.keystore.password.x", "hush"}};
  const auto secret = ClientConf::Make(connection, "source s");
  REQUIRE_FALSE(secret.ok());
  CHECK(std::string(secret.status().message()).find("hush") == std::string::npos);
}

TEST_CASE("a broker that nobody listens at is named", "[kafka_client]") {
  ProducerOptions options;
  options.connection.brokers = {"127.0.0.1:1"};
  options.name = "sink s";
  options.topic = "t";
  auto producer = RdkafkaProducer::Create(options);
  REQUIRE(producer.ok());
  const absl::Status status = (*producer)->Warm(1);
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK(std::string(status.message()).find("sink s: metadata of topic t") != std::string::npos);
}

TEST_CASE("errors say whether trying again can help", "[kafka_error]") {
  const auto code = [](rd_kafka_resp_err_t error, const char* reason = "") {
    return KafkaError(error, "doing", reason).code();
  };
  CHECK(KafkaError(RD_KAFKA_RESP_ERR_NO_ERROR, "doing").ok());
  CHECK(code(RD_KAFKA_RESP_ERR__AUTHENTICATION) == absl::StatusCode::kUnauthenticated);
  CHECK(code(RD_KAFKA_RESP_ERR__SSL, "certificate verify failed") == absl::StatusCode::kUnauthenticated);
  CHECK(code(RD_KAFKA_RESP_ERR__SSL, "Connection reset") == absl::StatusCode::kUnavailable);
  CHECK(code(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) == absl::StatusCode::kPermissionDenied);
  CHECK(code(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) == absl::StatusCode::kNotFound);
  CHECK(code(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) == absl::StatusCode::kOutOfRange);
  CHECK(code(RD_KAFKA_RESP_ERR_PRODUCER_FENCED) == absl::StatusCode::kAborted);
  CHECK(code(RD_KAFKA_RESP_ERR__TRANSPORT) == absl::StatusCode::kUnavailable);
  CHECK(KafkaError(RD_KAFKA_RESP_ERR__TRANSPORT, "doing", "x refused").message() == "doing: x refused");
}

TEST_CASE("all brokers down does not hide why", "[kafka_error]") {
  ClientEvents events("sink s", nullptr);
  CHECK(events.last_error().ok());
  events.OnError(RD_KAFKA_RESP_ERR__AUTHENTICATION, "b:1: wrong password (after 3ms in state AUTH_REQ)");
  events.OnError(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
  CHECK(events.last_error().code() == absl::StatusCode::kUnauthenticated);
  CHECK(events.last_error().message() == "sink s: b:1: wrong password");
  events.Clear();
  CHECK(events.last_error().ok());
}

}  // namespace
}  // namespace weir::taskmanager::kafka
