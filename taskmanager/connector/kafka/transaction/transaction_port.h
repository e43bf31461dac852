#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

namespace weir::taskmanager::kafka {

/// What the broker says of a transaction (DescribeTransactions).
struct TransactionDescription {
  enum class State : uint8_t {
    kEmpty,
    kOngoing,
    kPrepareCommit,
    kPrepareAbort,
    kCompleteCommit,
    kCompleteAbort,
    kPrepareEpochFence,
    kDead,
    kUnknown
  };
  State state = State::kUnknown;
  ProducerIdentity identity;
  int64_t timeout_ms = 0;
  int64_t started_ms = -1;
};

struct ListedTransaction {
  std::string transactional_id;
  int64_t producer_id = -1;
};

/// What EndTxn(commit) came to, after retries of what passes by itself (14, 15, 16, 51, lost connections).
enum class EndOutcome : uint8_t {
  kCommitted,
  kUncertain,  // 47, 48, 49, 59, 90, 120: only the marker tells
};

/// The transaction coordinator of a Kafka cluster, as far as sinks need it. The real one is our own protocol client
/// (protocol/client); the simulator has a model of it.
///
/// Thread:  thread-safe; every call blocks until it knows, or until `deadline` (steady microseconds): then
///          kUnavailable, with the last error.
/// Errors:  kPermissionDenied (which right is missing), kUnauthenticated, kUnavailable, kUnimplemented: the broker
/// lacks
///          the request.
class TransactionCoordinator {
 public:
  virtual ~TransactionCoordinator() = default;
  /// EndTxn(commit), version <= 4, with exactly this identity (reference 3.1).
  virtual absl::StatusOr<EndOutcome> Commit(const std::string& transactional_id, const ProducerIdentity& identity,
                                            int64_t deadline) = 0;
  /// InitProducerId until success: whatever was open under the id is decided and its markers are written.
  virtual absl::StatusOr<ProducerIdentity> Fence(const std::string& transactional_id, int64_t timeout_ms,
                                                 int64_t deadline) = 0;
  /// Nothing: the broker does not know the id.
  virtual absl::StatusOr<std::optional<TransactionDescription>> Describe(const std::string& transactional_id,
                                                                         int64_t deadline) = 0;
  /// Ongoing ones, of all brokers, whose id begins with `prefix`.
  virtual absl::StatusOr<std::vector<ListedTransaction>> ListOngoing(const std::string& prefix, int64_t deadline) = 0;
  /// Of group <transactional id>. `stable`: waits until no transaction that would change it is undecided.
  virtual absl::StatusOr<std::optional<Marker>> ReadMarker(const std::string& transactional_id,
                                                           const std::string& topic, int32_t partition, bool stable,
                                                           int64_t deadline) = 0;
  virtual absl::StatusOr<std::string> ClusterId(int64_t deadline) = 0;
  /// Kafka's uuid of a topic (16 bytes; empty: the broker has none). kNotFound: there is no such topic.
  virtual absl::StatusOr<std::string> TopicId(const std::string& topic, int64_t deadline) = 0;
  /// Whether the broker has what mode A needs (DescribeTransactions, ListTransactions, InitProducerId, EndTxn).
  virtual absl::StatusOr<bool> Supported(int64_t deadline) = 0;
};

/// Reads a partition's log with everything in it, aborted records too (reference 7.4).
class LogReader {
 public:
  virtual ~LogReader() = default;
  /// Calls `found` for each record of that producer id and epoch in the run, in order. kDataLoss: part of the run is
  /// not there any more (which offsets), or a batch is damaged; what there is was handed out before. kNotFound: no such
  /// topic or partition.
  virtual absl::Status Read(const std::string& topic, const OffsetRun& run, const ProducerIdentity& identity,
                            const std::function<absl::Status(KafkaRecord)>& found, int64_t deadline) = 0;
};

/// One transaction of a fresh producer instance on a given id, for repairs (a librdkafka instance).
class RepairProducer {
 public:
  virtual ~RepairProducer() = default;
  /// init_transactions: from here on every earlier producer of the id is fenced.
  virtual absl::Status Init() = 0;
  /// Begins on the first record. Partition and timestamp are the record's own.
  virtual absl::Status Produce(const std::string& topic, const KafkaRecord& record) = 0;
  /// Puts the marker in and commits; OK: it is committed. The outcome of an error is not known: Init a fresh one and
  /// read the marker.
  virtual absl::Status Commit(const std::string& topic, int32_t marker_partition, const Marker& marker) = 0;
};
using RepairProducerFactory =
    std::function<absl::StatusOr<std::unique_ptr<RepairProducer>>(const std::string& transactional_id)>;

}  // namespace weir::taskmanager::kafka
