#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

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
  /// How long a record may take to be delivered; transactional: also below the transaction's
  /// timeout.
  int64_t message_timeout_ms = 120'000;
  int64_t linger_micros = 1'000;
  /// What may wait in the client, its bookkeeping included.
  int64_t memory_bytes = int64_t{32} << 20;
  /// Records that cannot be delivered are counted and left out; else the first one is the end of
  /// the producer.
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

/// One producer for one topic: at most one transaction in its life (invariant I1: an instance
/// cannot be initialised again, and one transaction per producer epoch is what makes a commit by
/// another process safe). The real one is librdkafka (rdkafka/producer.h); the simulator has one
/// over its model of a cluster.
///
/// Thread:  Warm, Begin, Produce: one thread at a time; Poll, Drain, SendMarker, Commit, Runs: any,
/// also beside Produce.
///          The destructor does not abort an open transaction.
/// Errors:  a delivery error is kept: every later call gives it.
class Producer {
 public:
  virtual ~Producer() = default;

  /// Logs in, initialises the transactional id, fetches the topic's metadata. Blocks up to
  /// `timeout_ms`. kNotFound: no such topic.
  virtual absl::Status Warm(int64_t timeout_ms) = 0;
  virtual absl::Status Begin() = 0;
  /// Of the topic, as of Warm.
  virtual int32_t partition_count() const = 0;
  /// Says where each record goes. Without a key: any, by `sticky` (drawn anew by the caller now and
  /// then).
  virtual void Route(OutgoingRecord* records, size_t count, int32_t sticky) const = 0;

  /// Hands records over in order; waits for room as long as deliveries make progress. kUnavailable:
  /// none for `patience_ms`.
  virtual absl::Status Produce(const OutgoingRecord* records, size_t count, int64_t patience_ms) = 0;
  /// One record with timestamp (0: now) and headers.
  virtual absl::Status Produce(const KafkaRecord& record, int64_t patience_ms) = 0;

  /// Serves delivery reports and errors; waits at most `timeout_ms` for the first.
  virtual void Poll(int timeout_ms) = 0;
  /// The first thing that went wrong for good.
  virtual absl::Status status() const = 0;
  /// With count_losses: how many records were not delivered, and why the last one.
  virtual int64_t losses() const = 0;
  virtual absl::Status last_loss() const = 0;

  /// How many were handed over to each partition.
  virtual std::vector<int64_t> Produced() const = 0;
  /// Waits until that many of each partition are confirmed. kUnavailable after `timeout_ms`.
  virtual absl::Status Drain(const std::vector<int64_t>& produced, int64_t timeout_ms) = 0;
  /// Where the confirmed records lie. A partition whose broker did not say where gets `first` -1.
  virtual std::vector<OffsetRun> Runs() const = 0;
  /// Offsets [first, end) that the partition holds now, whatever is committed.
  virtual absl::Status QueryOffsets(int32_t partition, int64_t timeout_ms, int64_t* first, int64_t* end) = 0;

  /// Puts (group = transactional id, partition, checkpoint, metadata) into the transaction.
  virtual absl::Status SendMarker(int32_t partition, const Marker& marker, int64_t timeout_ms) = 0;
  /// Commits the transaction of this instance. After an error nobody knows.
  virtual absl::Status Commit(int64_t timeout_ms) = 0;

  virtual const ProducerOptions& options() const = 0;
};

/// Makes one; no I/O.
using ProducerFactory = std::function<absl::StatusOr<std::unique_ptr<Producer>>(ProducerOptions options)>;

}  // namespace weir::taskmanager::kafka
