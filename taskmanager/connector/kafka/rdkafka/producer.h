#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

struct rd_kafka_message_s;
struct rd_kafka_op_s;

namespace weir::taskmanager::kafka {

struct ProducerOptions {
  ConnectionOptions connection;
  std::string name;  // in log lines and errors: `sink alerts`
  std::string topic;
  std::string transactional_id;  // empty: no transactions
  bool idempotent = true;        // false: as librdkafka's defaults and the user's properties say
  std::string partitioner = "murmur2_random";
  std::string compression = "none";
  int64_t transaction_timeout_ms = 600'000;
  /// How long a record may take to be delivered; transactional: also below the transaction's timeout.
  int64_t message_timeout_ms = 120'000;
  int64_t linger_micros = 1'000;
  /// What may wait in the client, its bookkeeping included.
  int64_t memory_bytes = int64_t{32} << 20;
  /// Records that cannot be delivered are counted and left out; else the first one is the end of the producer.
  bool count_losses = false;
};

/// One record on its way into a topic; the bytes are copied by Produce.
struct OutgoingRecord {
  std::string_view key, value;
  bool has_key = false;
  bool has_value = true;
  int32_t partition = 0;
};
KafkaRecord CopyOf(const OutgoingRecord& record, int64_t timestamp_ms);

/// One librdkafka producer for one topic: at most one transaction in its life (invariant I1: an instance cannot be
/// initialised again, and one transaction per producer epoch is what makes a commit by another process safe).
///
/// Thread:  Warm, Begin, Produce: one thread at a time; Poll, Drain, SendMarker, Commit, Runs: any, also beside Produce.
///          The destructor joins librdkafka's threads (about 1 ms; up to 3 s more right after the first record) and
///          does not abort an open transaction.
/// Errors:  a delivery error is kept: every later call gives it.
class Producer {
 public:
  /// No I/O.
  static absl::StatusOr<std::unique_ptr<Producer>> Create(ProducerOptions options);
  ~Producer();

  /// Logs in, initialises the transactional id, fetches the topic's metadata (else the first record waits a second for
  /// it). Blocks up to `timeout_ms`. kNotFound: no such topic.
  absl::Status Warm(int64_t timeout_ms);
  absl::Status Begin();
  /// Of the topic, as of Warm.
  int32_t partition_count() const { return static_cast<int32_t>(state_.size()); }
  /// Where a record goes. Without a key: any, by `*sticky` (drawn anew by the caller now and then).
  int32_t PartitionOf(std::string_view key, bool has_key, int32_t sticky) const;

  /// Hands records over in order; waits for room as long as deliveries make progress. kUnavailable: none for
  /// `patience_ms`.
  absl::Status Produce(const OutgoingRecord* records, size_t count, int64_t patience_ms);
  /// One record with timestamp (0: now) and headers.
  absl::Status Produce(const KafkaRecord& record, int64_t patience_ms);

  /// Serves delivery reports and errors; waits at most `timeout_ms` for the first.
  void Poll(int timeout_ms);
  /// The first thing that went wrong for good.
  absl::Status status() const;
  /// With count_losses: how many records were not delivered, and why the last one.
  int64_t losses() const;
  absl::Status last_loss() const;

  /// How many were handed over to each partition.
  std::vector<int64_t> Produced() const;
  /// Waits until that many of each partition are confirmed. kUnavailable after `timeout_ms`.
  absl::Status Drain(const std::vector<int64_t>& produced, int64_t timeout_ms);
  /// Where the confirmed records lie. A partition whose broker did not say where gets `first` -1.
  std::vector<OffsetRun> Runs() const;
  /// Offsets [first, end) that the partition holds now, whatever is committed.
  absl::Status QueryOffsets(int32_t partition, int64_t timeout_ms, int64_t* first, int64_t* end);

  /// Puts (group = transactional id, partition, checkpoint, metadata) into the transaction.
  absl::Status SendMarker(int32_t partition, const Marker& marker, int64_t timeout_ms);
  /// Commits the transaction of this instance. After an error nobody knows.
  absl::Status Commit(int64_t timeout_ms);

  const ProducerOptions& options() const { return options_; }
  /// Of the cluster; empty before Warm.
  std::string cluster_id() const;

 private:
  struct PartitionState {
    int64_t produced = 0;
    int64_t delivered = 0;  // with count_losses also the lost ones
    int64_t first = -1;
    int64_t last = -1;
    bool offsets_unknown = false;
  };
  using PartitionerFunction = int32_t (*)(const rd_kafka_topic_s*, const void*, size_t, int32_t, void*, void*);

  Producer(ProducerOptions options, std::unique_ptr<Client> client);
  absl::Status InitTransactions(int64_t deadline);
  absl::Status FetchMetadata(int64_t deadline);
  /// librdkafka (2.0.2) aborts the process when it is destroyed in the moment in which it sends AddPartitionsToTxn: the
  /// request is answered with an error before it was counted (txn_req_cnt). So the first record of each partition is
  /// waited for, for a while; without a broker nothing is sent either.
  void Settle();
  void Handle(rd_kafka_op_s* event);
  void OnDelivered(rd_kafka_op_s* event);
  /// Waits until `count` records of `bytes` have room.
  absl::Status WaitForRoom(size_t count, int64_t bytes, int64_t patience_ms);
  /// What did not get in, or did not arrive. Under the lock.
  void Lost(int32_t partition, absl::Status why);
  /// With why the broker is not reached, when that is all there is to say.
  absl::Status Explain(absl::Status status);

  const ProducerOptions options_;
  std::unique_ptr<Client> client_;
  Topic topic_;
  rd_kafka_queue_s* queue_ = nullptr;
  PartitionerFunction partitioner_ = nullptr;
  bool keyless_anywhere_ = true;
  bool initialised_ = false;
  std::vector<rd_kafka_message_s> scratch_;

  mutable std::mutex mutex_;
  std::vector<PartitionState> state_;  // its size is fixed by Warm
  int64_t waiting_records_ = 0;
  int64_t waiting_bytes_ = 0;
  absl::Status status_;
  int64_t losses_ = 0;
  absl::Status last_loss_;
};

}  // namespace weir::taskmanager::kafka
