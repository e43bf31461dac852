// Sends records at a fixed rate into one topic and reads what a job makes of them from another, read_committed: the
// time from when a record was due to be sent until it is seen, and the longest time in which none was seen.
//
//   weir_kafka_latency --brokers B --in T --out T --rate 5000 --seconds 15 --warmup 3
//
// Records are due every millisecond in bursts, also while the sender is late (no coordinated omission). The program
// sleeps between bursts: one that spins on one of two cores is measured itself. Records of the warm-up count for lost
// and doubled, not for the times. ack_…_ms: until the broker confirmed the record in the input topic, a part of it.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/bench/kafka_tool.h"

namespace weir::bench {
namespace {

constexpr int kBatch = 1'000;
constexpr size_t kValueBytes = 78;

struct Probe {
  explicit Probe(const Arguments& arguments)
      : rate(arguments.Number("rate")),
        warmup(arguments.Number("warmup") * rate),
        total(warmup + arguments.Number("seconds") * rate),
        drain_seconds(static_cast<double>(arguments.Number("drain"))),
        // Few requests in flight: on a slow broker bursts become larger batches instead of a queue of requests.
        producer(MakeProducer(arguments.Text("brokers"), {{"linger.ms", "0"}, {"acks", "1"}, {"max.in.flight", "4"}}, this)),
        consumer(MakeConsumer(arguments.Text("brokers"),
                              {{"isolation.level", "read_committed"}, {"fetch.wait.max.ms", "100"}})),
        in(rd_kafka_topic_new(producer, arguments.Text("in").c_str(), nullptr)),
        out(rd_kafka_topic_new(consumer, arguments.Text("out").c_str(), nullptr)),
        queue(rd_kafka_queue_new(consumer)),
        seen(total, 0) {
    in_partitions = PartitionCount(producer, arguments.Text("in"));
    const int out_partitions = PartitionCount(consumer, arguments.Text("out"));
    for (int partition = 0; partition < out_partitions; ++partition) {
      rd_kafka_consume_start_queue(out, partition, RD_KAFKA_OFFSET_END, queue);
    }
    // OFFSET_END is resolved when the fetcher starts: what is sent before would be missed.
    for (const double end = Seconds() + 1.0; Seconds() < end;) Receive(50);
    millis.reserve(total);
  }

  static rd_kafka_t* MakeProducer(const std::string& brokers, const std::map<std::string, std::string>& settings,
                                  Probe* probe) {
    rd_kafka_conf_t* conf = Configuration(brokers, settings);
    rd_kafka_conf_set_opaque(conf, probe);
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
      static_cast<Probe*>(opaque)->Acknowledged(reinterpret_cast<int64_t>(message->_private));
    });
    char error[512];
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (client == nullptr) Die(error);
    return client;
  }

  void Acknowledged(int64_t number) {
    if (number < warmup) return;
    ack_millis.push_back((Seconds() - began - static_cast<double>(number) / static_cast<double>(rate)) * 1000);
  }

  void Run() {
    began = Seconds();
    double last = 0;
    while (received < total) {
      const double now = Seconds() - began;
      for (const int64_t due = std::min(total, static_cast<int64_t>(now * static_cast<double>(rate))); sent < due; ++sent) {
        Send(sent);
      }
      rd_kafka_poll(producer, 0);
      Receive(1);
      if (sent < total) {
        last = now;
      } else if (now - last > drain_seconds) {
        break;
      }
    }
  }

  void Send(int64_t number) {
    char value[kValueBytes + 1];
    std::snprintf(value, sizeof(value), "%016lld%-62s", static_cast<long long>(number), "probe");
    const int partition = static_cast<int>(number / 8 % in_partitions);
    if (rd_kafka_produce(in, partition, RD_KAFKA_MSG_F_COPY, value, kValueBytes, nullptr, 0,
                         reinterpret_cast<void*>(number)) != 0) {
      Die(std::string("produce: ") + rd_kafka_err2str(rd_kafka_last_error()));
    }
  }

  void Receive(int timeout_ms) {
    rd_kafka_message_t* messages[kBatch];
    const ssize_t got = rd_kafka_consume_batch_queue(queue, timeout_ms, messages, kBatch);
    const double now = Seconds() - began;
    for (ssize_t i = 0; i < got; ++i) {
      if (messages[i]->err == 0) Take(*messages[i], now);
      rd_kafka_message_destroy(messages[i]);
    }
  }

  void Take(const rd_kafka_message_t& message, double now) {
    if (message.len != kValueBytes) return;
    const int64_t number = std::atoll(std::string(static_cast<const char*>(message.payload), 16).c_str());
    if (number < 0 || number >= total) return;
    if (seen[number]++ != 0) return;
    ++received;
    if (number >= warmup) {
      millis.push_back((now - static_cast<double>(number) / static_cast<double>(rate)) * 1000);
      if (last_seen > 0 && now - last_seen > longest_gap) {
        longest_gap = now - last_seen;
        gap_at = last_seen;
      }
    }
    last_seen = now;
  }

  void Report() {
    int64_t lost = 0, doubled = 0;
    for (uint8_t times : seen) {
      lost += times == 0;
      doubled += times > 1;
    }
    std::sort(millis.begin(), millis.end());
    std::sort(ack_millis.begin(), ack_millis.end());
    auto quantile_of = [](const std::vector<double>& all, double q) {
      return all.empty() ? 0.0 : all[std::min(all.size() - 1, static_cast<size_t>(q * all.size()))];
    };
    auto quantile = [&](double q) { return quantile_of(millis, q); };
    absl::PrintF(
        "{\"sent\": %d, \"received\": %d, \"lost\": %d, \"doubled\": %d, \"p50_ms\": %.1f, \"p90_ms\": %.1f, "
        "\"p99_ms\": %.1f, \"p999_ms\": %.1f, \"max_ms\": %.1f, \"longest_gap_ms\": %.1f, \"gap_at_s\": %.3f, "
        "\"ack_p50_ms\": %.1f, \"ack_p99_ms\": %.1f, \"cpu_seconds\": %.2f}\n",
        sent, received, lost, doubled, quantile(0.5), quantile(0.9), quantile(0.99), quantile(0.999),
        millis.empty() ? 0.0 : millis.back(), longest_gap * 1000, gap_at,
        quantile_of(ack_millis, 0.5), quantile_of(ack_millis, 0.99), CpuSeconds());
  }

  int64_t rate, warmup, total;
  double drain_seconds;
  rd_kafka_t* producer;
  rd_kafka_t* consumer;
  rd_kafka_topic_t* in;
  rd_kafka_topic_t* out;
  rd_kafka_queue_t* queue;
  int in_partitions = 1;
  std::vector<uint8_t> seen;
  std::vector<double> millis, ack_millis;
  int64_t sent = 0, received = 0;
  double began = 0, last_seen = 0, longest_gap = 0, gap_at = 0;
};

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  weir::bench::Probe probe(weir::bench::Arguments(argc, argv,
                                                  {{"brokers", "127.0.0.1:9092"},
                                                   {"in", "probe-in"},
                                                   {"out", "probe-out"},
                                                   {"rate", "5000"},
                                                   {"seconds", "15"},
                                                   {"warmup", "3"},
                                                   {"drain", "30"}}));
  probe.Run();
  probe.Report();
}
