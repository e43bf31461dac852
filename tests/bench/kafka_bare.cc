// Copies a topic in transactions by the same protocol as Weir's sink and nothing else: a librdkafka consumer, producers
// of one transaction each that are made ready beforehand, and our own coordinator client. No checkpoint, no engine, no
// file. What it takes is the machine's share of what Weir takes.
//
//   weir_kafka_bare --brokers B --in T --out T --interval-ms 100              until it is killed, the latency's yardstick
//   weir_kafka_bare … --threads 2 --interval-ms 1000 --bounded 1              to the end of the log: wall and CPU seconds
//
// A thread takes every threads-th partition. Per interval: every record confirmed, DescribeTransactions, marker,
// EndTxn; meanwhile its next transaction is being filled.
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/clock/system_clock.h"
#include "taskmanager/connector/kafka/protocol/client/coordinator.h"
#include "taskmanager/connector/kafka/rdkafka/producer.h"
#include "tests/bench/kafka_tool.h"

namespace weir::bench {
namespace {

using taskmanager::kafka::EndOutcome;
using taskmanager::kafka::Marker;
using taskmanager::kafka::OutgoingRecord;
using taskmanager::kafka::Producer;
using taskmanager::kafka::ProducerOptions;
using taskmanager::kafka::RdkafkaProducer;
using taskmanager::kafka::TransactionCoordinator;

constexpr int kBatch = 4096;
constexpr int kIds = 16;
constexpr size_t kSealed = 8;  // with those being made, warm, open and ended fewer than kIds: none fences one in use
constexpr int64_t kPatienceMs = 20'000;

void Must(const absl::Status& status) {
  if (!status.ok()) Die(std::string(status.message()));
}
template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  Must(value.status());
  return *std::move(value);
}

/// A queue between two threads; Pop of one that was closed and is empty gives nothing.
template <typename Item>
class Handover {
 public:
  explicit Handover(size_t room = SIZE_MAX) : room_(room) {}
  void Push(Item item) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return items_.size() < room_ || closed_; });
    items_.push_back(std::move(item));
    changed_.notify_all();
  }
  bool Pop(Item* item) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !items_.empty() || closed_; });
    if (items_.empty()) return false;
    *item = std::move(items_.front());
    items_.pop_front();
    changed_.notify_all();
    return true;
  }
  void Close() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  bool closed() {
    std::lock_guard<std::mutex> lock(mutex_);
    return closed_;
  }

 private:
  const size_t room_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  bool closed_ = false;
};

/// One thread's share of the partitions, and the threads that make its transactions ready, end them, clear them away.
class Copier {
 public:
  Copier(const Arguments& arguments, int number, int threads, TransactionCoordinator* coordinator, const Clock* clock)
      : number_(number),
        interval_(static_cast<double>(arguments.Number("interval-ms")) / 1000),
        bounded_(arguments.Number("bounded") != 0),
        coordinator_(coordinator),
        clock_(clock),
        // As Weir's source asks.
        consumer_(MakeConsumer(arguments.Text("brokers"), {{"isolation.level", "read_committed"},
                                                           {"fetch.message.max.bytes", "4194304"},
                                                           {"queued.min.messages", "200000"},
                                                           {"check.crcs", "false"}})),
        topic_(rd_kafka_topic_new(consumer_, arguments.Text("in").c_str(), nullptr)),
        queue_(rd_kafka_queue_new(consumer_)),
        warm_(2),
        sealed_(kSealed) {
    options_.connection.brokers = {arguments.Text("brokers")};
    options_.name = "bare";
    options_.topic = arguments.Text("out");
    options_.linger_micros = 20'000'000;  // full requests, and the drain sends the rest: as Weir's sink does
    const int partitions = PartitionCount(consumer_, arguments.Text("in"));
    for (int partition = number; partition < partitions; partition += threads) {
      int64_t low = 0, high = 0;
      const auto error =
          rd_kafka_query_watermark_offsets(consumer_, arguments.Text("in").c_str(), partition, &low, &high, 30'000);
      if (error != 0) Die(rd_kafka_err2str(error));
      wanted_ += high - low;
      rd_kafka_consume_start_queue(topic_, partition, bounded_ ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END, queue_);
    }
    warmer_ = std::thread([this] { RunWarmer(); });
    committer_ = std::thread([this] { RunCommitter(); });
    reaper_ = std::thread([this] {
      for (std::unique_ptr<Producer> dead; dead_.Pop(&dead);) dead = nullptr;
    });
  }

  void Run() {
    double next = Seconds() + interval_;
    while (!bounded_ || copied_ < wanted_) {
      Copy();
      if (Seconds() < next) continue;
      Seal();
      // As a trigger does that fires at multiples of the interval: one that was missed is left out.
      while (next <= Seconds()) next += interval_;
    }
    Seal();
    sealed_.Close();
    committer_.join();
    warm_.Close();
    std::unique_ptr<Producer> unused;
    while (warm_.Pop(&unused)) dead_.Push(std::move(unused));
    warmer_.join();
    dead_.Close();
    reaper_.join();
  }

  int64_t copied() const { return copied_; }

 private:
  void Copy() {
    rd_kafka_message_t* messages[kBatch];
    const ssize_t got = rd_kafka_consume_batch_queue(queue_, 1, messages, kBatch);
    records_.clear();
    for (ssize_t i = 0; i < got; ++i) {
      if (messages[i]->err != 0) continue;
      OutgoingRecord record;
      record.value = {static_cast<const char*>(messages[i]->payload), messages[i]->len};
      records_.push_back(record);
    }
    if (!records_.empty()) {
      if (open_ == nullptr) {
        if (!warm_.Pop(&open_)) return;
        Must(open_->Begin());
      }
      ++sticky_;
      open_->Route(records_.data(), records_.size(), sticky_);
      constexpr size_t kAtOnce = 512;
      for (size_t at = 0; at < records_.size(); at += kAtOnce) {
        Must(open_->Produce(records_.data() + at, std::min(kAtOnce, records_.size() - at), kPatienceMs));
      }
      open_->Poll(0);
      copied_ += static_cast<int64_t>(records_.size());
    }
    for (ssize_t i = 0; i < got; ++i) rd_kafka_message_destroy(messages[i]);
  }

  void Seal() {
    if (open_ != nullptr) sealed_.Push(std::move(open_));
    open_ = nullptr;
  }

  void RunWarmer() {
    for (int64_t made = 0; !warm_.closed(); ++made) {
      ProducerOptions options = options_;
      options.transactional_id = absl::StrCat("bare/", options.topic, "/", number_, "/", made % kIds);
      std::unique_ptr<Producer> producer = Must(RdkafkaProducer::Create(options));
      Must(producer->Warm(kPatienceMs));
      // So that the coordinator is known when it matters.
      Must(coordinator_->Describe(options.transactional_id, Deadline()).status());
      warm_.Push(std::move(producer));
    }
  }

  void RunCommitter() {
    int64_t checkpoint = 0;
    for (std::unique_ptr<Producer> producer; sealed_.Pop(&producer);) {
      const std::string id = producer->options().transactional_id;
      Must(producer->Drain(producer->Produced(), kPatienceMs));
      const auto described = Must(coordinator_->Describe(id, Deadline()));
      if (!described) Die(id + ": not known to the broker");
      Must(producer->SendMarker(0, Marker{CheckpointId(++checkpoint), "bare"}, kPatienceMs));
      if (Must(coordinator_->Commit(id, described->identity, Deadline())) != EndOutcome::kCommitted) {
        Die(id + ": not committed");
      }
      dead_.Push(std::move(producer));
    }
  }

  SteadyMicros Deadline() const { return clock_->Steady() + kPatienceMs * 1000; }

  const int number_;
  const double interval_;
  const bool bounded_;
  TransactionCoordinator* const coordinator_;
  const Clock* const clock_;
  rd_kafka_t* consumer_;
  rd_kafka_topic_t* topic_;
  rd_kafka_queue_t* queue_;
  ProducerOptions options_;
  Handover<std::unique_ptr<Producer>> warm_, sealed_, dead_;
  std::unique_ptr<Producer> open_;
  std::vector<OutgoingRecord> records_;
  int32_t sticky_ = 0;
  int64_t wanted_ = 0, copied_ = 0;
  std::thread warmer_, committer_, reaper_;
};

void Run(const Arguments& arguments) {
  const double began = Seconds();
  SystemClock clock;
  taskmanager::kafka::ConnectionOptions connection;
  connection.brokers = {arguments.Text("brokers")};
  const std::unique_ptr<TransactionCoordinator> coordinator = taskmanager::kafka::MakeCoordinator(connection, &clock);
  const int threads = static_cast<int>(arguments.Number("threads"));
  std::vector<std::unique_ptr<Copier>> copiers;
  for (int i = 0; i < threads; ++i) {
    copiers.push_back(std::make_unique<Copier>(arguments, i, threads, coordinator.get(), &clock));
  }
  std::vector<std::thread> running;
  for (auto& copier : copiers) running.emplace_back([&copier] { copier->Run(); });
  int64_t records = 0;
  for (std::thread& thread : running) thread.join();
  for (const auto& copier : copiers) records += copier->copied();
  absl::PrintF("{\"records\": %d, \"seconds\": %.3f, \"cpu_seconds\": %.3f}\n", records, Seconds() - began, CpuSeconds());
  std::fflush(stdout);
  std::_Exit(0);  // consumers that nobody needs any more
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  weir::bench::Run(weir::bench::Arguments(argc, argv,
                                          {{"brokers", "127.0.0.1:9092"},
                                           {"in", "probe-in"},
                                           {"out", "bare-out"},
                                           {"threads", "1"},
                                           {"interval-ms", "100"},
                                           {"bounded", "0"}}));
}
