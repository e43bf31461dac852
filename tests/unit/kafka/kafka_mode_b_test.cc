#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock/system_clock.h"
#include "taskmanager/connector/kafka/rdkafka/marker_reader.h"
#include "taskmanager/connector/kafka/sink/kafka_sink.h"
#include "taskmanager/connector/kafka/sink/plain_sink.h"
#include "tests/unit/taskmanager/format/decoding.h"

namespace weir::taskmanager::kafka {
namespace {

/// librdkafka's own broker in this process. It knows transactions, but neither fences nor keeps their offsets.
class MockBroker {
 public:
  MockBroker() {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    char reason[256];
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    REQUIRE(handle_ != nullptr);
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    rd_kafka_mock_topic_create(cluster_, "t", 2, 1);
  }
  ~MockBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  std::string address() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

 private:
  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

/// A sink subtask on a broker that our own client cannot talk to.
struct Subtask {
  explicit Subtask(const MockBroker& broker, int64_t attempt = 1) {
    node.name = "out";
    node.format.type = job::FormatType::kRaw;
    schema = SchemaOf({{"value", "bytes"}});
    services = std::make_shared<SinkServices>();
    services->context.node = &node;
    services->context.schema = schema;
    services->context.job = JobId{std::string(32, 'a')};
    services->context.attempt = Attempt{attempt};
    services->context.clock = &clock;
    services->context.checkpoint_interval_micros = 10'000'000;
    services->context.checkpoint_timeout_micros = 30'000'000;
    services->options.connection.brokers = {broker.address()};
    services->options.topic = "t";
    services->options.transaction_timeout_ms = 60'000;
    services->cluster = MakeClusterPorts(services->options.connection, &clock);
    services->cluster.coordinator = MakeMarkerReader(services->options.connection, &clock);
    auto made = RowEncoder::Make(node.format, schema, services->options);
    REQUIRE(made.ok());
    encoder = std::move(*made);
  }
  batch::Batch Rows(const std::string& text, int64_t count) const {
    batch::Batch batch;
    batch.schema = schema;
    batch.rows = count;
    batch.columns.push_back(batch::Column::Allocate(schema->fields[0].type, count));
    for (int64_t i = 0; i < count; ++i) {
      batch.columns[0].mutable_data<batch::StringRef>()[i] = batch::StringRef(text);
    }
    return batch;
  }

  SystemClock clock;
  job::Node node;
  batch::SchemaPtr schema;
  std::shared_ptr<SinkServices> services;
  std::unique_ptr<RowEncoder> encoder;
};

TEST_CASE("mode B: the producer that wrote a transaction commits it, its records are in the handle", "[kafka_mode_b]") {
  MockBroker broker;
  Subtask subtask(broker);
  KafkaSink sink(subtask.services, std::move(subtask.encoder));
  REQUIRE(sink.Open().ok());
  CHECK(sink.ReadyToSeal());
  CHECK(*sink.Seal(CheckpointId{1}) == nullptr);  // nothing was written

  REQUIRE(sink.Write(subtask.Rows("abc", 10)).ok());
  auto info = sink.Transactions();
  REQUIRE(info.open.size() == 1);
  CHECK(info.open[0].state == control::TransactionInfo::State::kOpen);
  CHECK(info.open[0].records == 10);
  auto sealed = sink.Seal(CheckpointId{2});
  REQUIRE(sealed.ok());
  REQUIRE(*sealed != nullptr);
  auto handle = (*sealed)->PreCommit();
  INFO(handle.status().ToString());
  REQUIRE(handle.ok());
  REQUIRE(handle->has_value());
  CHECK((*sealed)->deadline_ms() > subtask.clock.Wall() / 1000);
  CHECK((*sealed)->files().empty());

  const auto decoded = DecodeHandle(**handle);
  REQUIRE(decoded.ok());
  CHECK(decoded->mode == KafkaHandle::Mode::kReplay);
  CHECK(decoded->checkpoint == CheckpointId{2});
  CHECK(decoded->records == 10);
  CHECK_FALSE(decoded->cluster_id.empty());
  REQUIRE(decoded->runs.size() == 1);
  CHECK(decoded->runs[0].records == 10);
  const auto records = DecodeRecords(decoded->wal);
  REQUIRE(records.ok());
  REQUIRE(records->size() == 10);
  CHECK((*records)[0].value == "abc");
  info = sink.Transactions();
  REQUIRE(info.open.size() == 1);
  CHECK(info.open[0].state == control::TransactionInfo::State::kPrepared);
  CHECK(info.open[0].id == decoded->transactional_id);

  // The next transaction fills while this one waits.
  REQUIRE(sink.Write(subtask.Rows("def", 1)).ok());
  const absl::Status committed = sink.Commit(**handle);
  INFO(committed.ToString());
  CHECK(committed.ok());
  info = sink.Transactions();
  CHECK(info.commits == 1);
  CHECK(info.open.size() == 1);
  // In another process there is no producer to commit it with: recovery's matter.
  CHECK(absl::IsUnavailable(sink.Commit(**handle)));
}

/// The mock forgets the offsets of transactions, so the marker is absent, as if the broker had aborted.
TEST_CASE("mode B: recovery writes again what has no marker", "[kafka_mode_b]") {
  MockBroker broker;
  std::string bytes;
  {
    Subtask subtask(broker);
    KafkaSink sink(subtask.services, std::move(subtask.encoder));
    REQUIRE(sink.Open().ok());
    REQUIRE(sink.Write(subtask.Rows("abc", 3)).ok());
    auto sealed = sink.Seal(CheckpointId{5});
    REQUIRE(sealed.ok());
    auto handle = (*sealed)->PreCommit();
    REQUIRE(handle.ok());
    bytes = **handle;
    REQUIRE(sink.Commit(bytes).ok());
  }
  Subtask later(broker, 2);
  KafkaSink sink(later.services, std::move(later.encoder));
  checkpoint::SinkHandle handle;
  handle.checkpoint = CheckpointId{5};
  handle.bytes = bytes;
  const absl::Status resolved = sink.ResolveAll({handle});
  INFO(resolved.ToString());
  CHECK(resolved.ok());
  CHECK(sink.Transactions().repairs == 1);
  CHECK(sink.Sweep().ok());
}

TEST_CASE("mode B: the records of a large transaction go into a file", "[kafka_mode_b]") {
  MockBroker broker;
  Subtask subtask(broker);
  KafkaSink sink(subtask.services, std::move(subtask.encoder));
  REQUIRE(sink.Open().ok());
  REQUIRE(sink.Write(subtask.Rows(std::string(10, 'x'), 20'000)).ok());
  auto sealed = sink.Seal(CheckpointId{1});
  REQUIRE(sealed.ok());
  const auto handle = (*sealed)->PreCommit();
  CHECK(handle.status().code() == absl::StatusCode::kInternal);  // there is no storage here
  CHECK(std::string(handle.status().message()).find("no storage for its records") != std::string::npos);
}

TEST_CASE("at_least_once: a checkpoint waits for what was written before it, without a handle", "[kafka_plain]") {
  MockBroker broker;
  Subtask subtask(broker);
  PlainSink sink(subtask.services, std::move(subtask.encoder), /*confirmed=*/true);
  REQUIRE(sink.Open().ok());
  REQUIRE(sink.Write(subtask.Rows("abc", 100)).ok());
  auto sealed = sink.Seal(CheckpointId{1});
  REQUIRE(sealed.ok());
  REQUIRE(*sealed != nullptr);
  REQUIRE(sink.Write(subtask.Rows("def", 100)).ok());
  const auto handle = (*sealed)->PreCommit();
  REQUIRE(handle.ok());
  CHECK_FALSE(handle->has_value());
  CHECK(sink.Flush().ok());
}

TEST_CASE("delivery none: nobody waits", "[kafka_plain]") {
  MockBroker broker;
  Subtask subtask(broker);
  PlainSink sink(subtask.services, std::move(subtask.encoder), /*confirmed=*/false);
  REQUIRE(sink.Open().ok());
  REQUIRE(sink.Write(subtask.Rows("abc", 100)).ok());
  CHECK(*sink.Seal(CheckpointId{1}) == nullptr);
}

}  // namespace
}  // namespace weir::taskmanager::kafka
