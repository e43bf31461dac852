// Reads a topic from its begin to its end by librdkafka alone: the yardstick for what an engine adds, and the check of
// what an engine wrote.
//
//   weir_kafka_drain --brokers B --topic T                        records, bytes, wall and CPU seconds
//   weir_kafka_drain … --digest values|alerts --expect N          also an order-free digest; waits for N records
//
// The time ends with the last record. Without --expect the end is that of the log at the start; with it, after N
// records, what else arrives within --idle-ms is counted too.
#include <librdkafka/rdkafka.h>
#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "tests/bench/kafka_tool.h"

namespace weir::bench {
namespace {

constexpr int kBatch = 10'000;

class Drain {
 public:
  explicit Drain(const Arguments& arguments)
      : digest_kind_(arguments.Text("digest")),
        client_(MakeConsumer(arguments.Text("brokers"), {{"isolation.level", arguments.Text("isolation")},
                                                         {"fetch.message.max.bytes", "4194304"},
                                                         {"queued.min.messages", "200000"},
                                                         {"check.crcs", "false"}})),
        topic_(rd_kafka_topic_new(client_, arguments.Text("topic").c_str(), nullptr)),
        queue_(rd_kafka_queue_new(client_)) {
    const int partitions = PartitionCount(client_, arguments.Text("topic"));
    for (int partition = 0; partition < partitions; ++partition) {
      int64_t low = 0, high = 0;
      const auto error =
          rd_kafka_query_watermark_offsets(client_, arguments.Text("topic").c_str(), partition, &low, &high, 30'000);
      if (error != 0) Die(rd_kafka_err2str(error));
      in_log_ += high - low;
      rd_kafka_consume_start_queue(topic_, partition, RD_KAFKA_OFFSET_BEGINNING, queue_);
    }
  }

  void Run(int64_t expect, double idle) {
    const int64_t wanted = expect > 0 ? expect : in_log_;
    std::vector<rd_kafka_message_t*> messages(kBatch);
    last_ = Seconds();
    for (double heard = Seconds(); Seconds() - heard < idle;) {
      const ssize_t got = rd_kafka_consume_batch_queue(queue_, 2, messages.data(), messages.size());
      for (ssize_t i = 0; i < got; ++i) {
        if (messages[i]->err == 0) {
          Take(*messages[i]);
        } else if (messages[i]->err != RD_KAFKA_RESP_ERR__TRANSPORT &&
                   messages[i]->err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
          Die(rd_kafka_message_errstr(messages[i]));
        }
        rd_kafka_message_destroy(messages[i]);
      }
      if (got > 0) heard = last_ = Seconds();
      if (records_ < wanted) continue;
      if (expect == 0) break;
      idle = std::min(idle, 1.0);  // more than expected would come now
    }
  }

  int64_t records_ = 0, bytes_ = 0;
  uint64_t digest_ = 0;
  double last_ = 0;

 private:
  void Take(const rd_kafka_message_t& message) {
    ++records_;
    bytes_ += static_cast<int64_t>(message.len);
    if (digest_kind_ == "values") digest_ += XXH3_64bits(message.payload, message.len);
    if (digest_kind_ == "alerts") digest_ += Alert(message);
  }

  uint64_t Alert(const rd_kafka_message_t& message) {
    simdjson::dom::object alert;
    std::string_view user;
    int64_t window_start = 0, count = 0;
    const auto error = parser_.parse(static_cast<const char*>(message.payload), message.len).get(alert);
    uint64_t number = 0;
    if (error || alert["user"].get(user) || alert["window_start"].get(window_start) || alert["tx_count"].get(count) ||
        user.empty() || !absl::SimpleAtoi(absl::string_view(user.data() + 1, user.size() - 1), &number)) {
      Die("no alert: " + std::string(static_cast<const char*>(message.payload), message.len));
    }
    return AlertDigest(number, window_start, count);
  }

  std::string digest_kind_;
  rd_kafka_t* client_;
  rd_kafka_topic_t* topic_;
  rd_kafka_queue_t* queue_;
  int64_t in_log_ = 0;
  simdjson::dom::parser parser_;
};

void Run(const Arguments& arguments) {
  const double began = Seconds();
  Drain drain(arguments);
  drain.Run(arguments.Number("expect"), static_cast<double>(arguments.Number("idle-ms")) / 1000);
  absl::PrintF("{\"records\": %d, \"bytes\": %d, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"digest\": \"%016x\"}\n",
               drain.records_, drain.bytes_, drain.last_ - began, CpuSeconds(), drain.digest_);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  weir::bench::Run(weir::bench::Arguments(argc, argv,
                                          {{"brokers", "127.0.0.1:9092"},
                                           {"topic", "transactions"},
                                           {"isolation", "read_committed"},
                                           {"digest", "none"},
                                           {"expect", "0"},
                                           {"idle-ms", "15000"}}));
}
