// Fills a topic with card transactions: 78 bytes of JSON each, key = user, event time growing with the number. What it
// wrote is a function of its arguments alone; the last line says it, with the digests of the records and of the alerts
// that the fraud job (more than 10 in a minute) makes of them.
//
//   weir_kafka_load --brokers B --topic T --partitions 2 --records 10000000
//   weir_kafka_load … --rate 5000 --records 0     until SIGTERM; then `--closers N` records a minute apart close windows
//   weir_kafka_load … --delete 1                  deletes the topic
#include <librdkafka/rdkafka.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/bench/kafka_tool.h"

namespace weir::bench {
namespace {

constexpr int64_t kStartMillis = 1'767'225'600'000;  // a whole minute
constexpr int kUserDigits = 7;
constexpr int kValueBytes = 78;
constexpr int64_t kBatch = 2'000;
constexpr int64_t kLongestQueue = 400'000;

std::atomic<bool> stopping{false};
std::atomic<int64_t> delivered{0};
std::atomic<int64_t> lost{0};

void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? delivered : lost).fetch_add(1, std::memory_order_relaxed);
}

void Digits(char* at, int count, uint64_t number) {
  for (int i = count - 1; i >= 0; --i, number /= 10) at[i] = static_cast<char>('0' + number % 10);
}

struct Layout {
  static constexpr char kText[] = R"({"user":"u0000000","amount":100.00,"ts":0000000000000,"id":"0000000000000000"})";
  static constexpr int kUser = 10, kAmount = 28, kCents = 32, kTime = 40, kId = 60, kKey = 9;
};
static_assert(sizeof(Layout::kText) == kValueBytes + 1);

/// Counts per user and minute of event time: what the fraud job must find.
class Expected {
 public:
  Expected(int64_t users, int64_t minutes) : users_(users), counts_(users * minutes) {}
  void Add(int64_t user, int64_t minute) { ++counts_[minute * users_ + user]; }
  void Sum(int64_t* alerts, uint64_t* digest) const {
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] <= 10) continue;
      ++*alerts;
      *digest += AlertDigest(i % users_, kStartMillis + static_cast<int64_t>(i / users_) * 60'000, counts_[i]);
    }
  }

 private:
  int64_t users_;
  std::vector<uint32_t> counts_;
};

class Loader {
 public:
  explicit Loader(const Arguments& arguments)
      : topic_name_(arguments.Text("topic")),
        partitions_(static_cast<int>(arguments.Number("partitions"))),
        users_(arguments.Number("users")),
        per_second_(arguments.Number("per-second")),
        seed_(Mix(arguments.Number("seed"))),
        records_(arguments.Number("records")),
        expected_(users_, records_ / (per_second_ * 60) + 1),
        client_(MakeProducer(arguments.Text("brokers"), Settings(arguments), &OnDelivery)) {}

  rd_kafka_t* client() { return client_; }

  void Open() {
    CreateTopic(client_, topic_name_, partitions_);
    topic_ = rd_kafka_topic_new(client_, topic_name_.c_str(), nullptr);
  }

  /// Records first … first + count - 1.
  void Add(int64_t first, int64_t count) {
    text_.resize(count * kValueBytes);
    messages_.assign(count, rd_kafka_message_t{});
    for (int64_t i = 0; i < count; ++i) Fill(first + i, &text_[i * kValueBytes], &messages_[i]);
    Send();
  }

  /// One record per partition and minute beyond the last: their time closes the windows before them.
  void Close(int64_t next, int64_t closers) {
    text_.resize(kValueBytes * partitions_);
    messages_.assign(partitions_, rd_kafka_message_t{});
    for (int64_t minute = 1; minute <= closers; ++minute) {
      for (int partition = 0; partition < partitions_; ++partition) {
        char* value = &text_[partition * kValueBytes];
        std::memcpy(value, Layout::kText, kValueBytes);
        Digits(value + Layout::kUser, kUserDigits, 9'999'990 + partition);
        Digits(value + Layout::kTime, 13, TimeOf(next) + minute * 60'000);
        Digits(value + Layout::kId, 16, next + closed_++);
        SetMessage(value, partition, &messages_[partition]);
      }
      Send();
    }
  }

  void Flush() {
    if (rd_kafka_flush(client_, 300'000) != RD_KAFKA_RESP_ERR_NO_ERROR) Die("not delivered within 5 minutes");
    if (lost != 0) Die(absl::StrFormat("%d records were not delivered", lost.load()));
    rd_kafka_topic_destroy(topic_);
  }

  void Report(double seconds) {
    int64_t alerts = 0;
    uint64_t alert_digest = 0;
    if (records_ > 0) expected_.Sum(&alerts, &alert_digest);
    absl::PrintF(
        "{\"records\": %d, \"closers\": %d, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"digest\": \"%016x\", "
        "\"alerts\": %d, \"alert_digest\": \"%016x\"}\n",
        delivered.load() - closed_, closed_, seconds, CpuSeconds(), digest_, alerts, alert_digest);
  }

 private:
  static std::map<std::string, std::string> Settings(const Arguments&) {
    return {{"enable.idempotence", "true"}, {"linger.ms", "5"}, {"batch.size", "1000000"},
            {"queue.buffering.max.messages", "1000000"}, {"message.timeout.ms", "0"},
            {"reconnect.backoff.max.ms", "500"}};
  }
  static rd_kafka_t* MakeProducer(const std::string& brokers, const std::map<std::string, std::string>& settings,
                                  void (*on_delivery)(rd_kafka_t*, const rd_kafka_message_t*, void*)) {
    rd_kafka_conf_t* conf = Configuration(brokers, settings);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    char error[512];
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (client == nullptr) Die(error);
    return client;
  }

  int64_t TimeOf(int64_t number) const { return kStartMillis + number * 1000 / per_second_; }

  void Fill(int64_t number, char* value, rd_kafka_message_t* message) {
    const uint64_t random = Mix(seed_ + number);
    const int64_t user = static_cast<int64_t>((random >> 32) % users_);
    std::memcpy(value, Layout::kText, kValueBytes);
    Digits(value + Layout::kUser, kUserDigits, user);
    Digits(value + Layout::kAmount, 3, 100 + random % 900);
    Digits(value + Layout::kCents, 2, random / 1024 % 100);
    Digits(value + Layout::kTime, 13, TimeOf(number));
    Digits(value + Layout::kId, 16, number);
    if (records_ > 0) {
      expected_.Add(user, (TimeOf(number) - kStartMillis) / 60'000);
      digest_ += XXH3_64bits(value, kValueBytes);
    }
    // A user's records lie in one partition, so their order is defined.
    SetMessage(value, static_cast<int>(Mix(user) % partitions_), message);
  }

  static void SetMessage(char* value, int partition, rd_kafka_message_t* message) {
    message->payload = value;
    message->len = kValueBytes;
    message->key = value + Layout::kKey;
    message->key_len = kUserDigits + 1;
    message->partition = partition;
  }

  void Send() {
    while (rd_kafka_outq_len(client_) + static_cast<int64_t>(messages_.size()) > kLongestQueue) rd_kafka_poll(client_, 5);
    const int taken = rd_kafka_produce_batch(topic_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_PARTITION,
                                             messages_.data(), static_cast<int>(messages_.size()));
    if (taken != static_cast<int>(messages_.size())) {
      for (const rd_kafka_message_t& message : messages_) {
        if (message.err != 0) Die(std::string("produce: ") + rd_kafka_err2str(message.err));
      }
    }
    rd_kafka_poll(client_, 0);
  }

  std::string topic_name_;
  int partitions_;
  int64_t users_, per_second_;
  uint64_t seed_;
  int64_t records_;
  Expected expected_;
  rd_kafka_t* client_;
  rd_kafka_topic_t* topic_ = nullptr;
  std::vector<char> text_;
  std::vector<rd_kafka_message_t> messages_;
  uint64_t digest_ = 0;
  int64_t closed_ = 0;
};

int64_t Bounded(Loader* loader, int64_t records) {
  for (int64_t first = 0; first < records; first += kBatch) loader->Add(first, std::min(kBatch, records - first));
  return records;
}

int64_t AtRate(Loader* loader, int64_t records, int64_t rate) {
  int64_t next = 0;
  for (const double began = Seconds(); !stopping && (records == 0 || next < records);) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    int64_t due = static_cast<int64_t>((Seconds() - began) * static_cast<double>(rate));
    if (records > 0) due = std::min(due, records);
    for (; next < due; next += std::min(kBatch, due - next)) loader->Add(next, std::min(kBatch, due - next));
  }
  return next;
}

void Run(const Arguments& arguments) {
  Loader loader(arguments);
  if (arguments.Number("delete") != 0) return DeleteTopic(loader.client(), arguments.Text("topic"));
  const double began = Seconds();
  loader.Open();
  const int64_t records = arguments.Number("records"), rate = arguments.Number("rate");
  const int64_t count = rate > 0 ? AtRate(&loader, records, rate) : Bounded(&loader, records);
  loader.Close(count, arguments.Number("closers"));
  loader.Flush();
  loader.Report(Seconds() - began);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { weir::bench::stopping = true; });
  std::signal(SIGINT, [](int) { weir::bench::stopping = true; });
  weir::bench::Run(weir::bench::Arguments(argc, argv,
                                          {{"brokers", "127.0.0.1:9092"},
                                           {"topic", "transactions"},
                                           {"partitions", "2"},
                                           {"records", "0"},
                                           {"rate", "0"},
                                           {"users", "100000"},
                                           {"per-second", "20000"},
                                           {"closers", "0"},
                                           {"seed", "1"},
                                           {"delete", "0"}}));
}
