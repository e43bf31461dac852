#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"

namespace weir::taskmanager::kafka {

/// Who a transaction belongs to for the broker: only these three are compared at EndTxn
/// (KafkaApis.handleEndTxnRequest).
struct ProducerIdentity {
  int64_t producer_id = -1;
  int16_t epoch = -1;
  friend bool operator==(const ProducerIdentity&, const ProducerIdentity&) = default;
};

/// A transactional id of ours: `<job uuid>/<sink>/<attempt>/<subtask>/<slot>`. The sink's name is percent-escaped, so
/// the parts never contain a slash.
struct TransactionalId {
  JobId job;
  std::string sink;
  Attempt attempt;
  int32_t subtask = 0;
  int32_t slot = 0;
  friend bool operator==(const TransactionalId&, const TransactionalId&) = default;
};
std::string ToString(const TransactionalId& id);
/// kInvalidArgument: not one of ours.
absl::StatusOr<TransactionalId> ParseTransactionalId(const std::string& text);
/// `<job uuid>/<sink>/`: what all ids of a sink begin with.
std::string PrefixOf(const JobId& job, const std::string& sink);

/// Offsets [first, last] of one partition between which all records of the transaction lie (others may lie between).
struct OffsetRun {
  int32_t partition = 0;
  int64_t first = 0;
  int64_t last = 0;
  int64_t records = 0;
  friend bool operator==(const OffsetRun&, const OffsetRun&) = default;
};

/// What commits a pre-committed transaction from any process (reference 7.1). Lives in checkpoints: versioned.
struct KafkaHandle {
  static constexpr uint8_t kVersion = 1;
  enum class Mode : uint8_t {
    kRaw = 0,     // EndTxn by our own client
    kReplay = 1,  // mode B: the live instance commits; in recovery the marker decides and the records are in the WAL
  };
  Mode mode = Mode::kRaw;
  std::string cluster_id;
  std::string transactional_id;
  ProducerIdentity identity;
  uint8_t txn_protocol = 1;  // EndTxn <= v4
  CheckpointId checkpoint;
  int64_t started_ms = 0;  // of the broker's clock
  int64_t timeout_ms = 0;
  std::string topic;
  std::string topic_id;  // Kafka's uuid, 16 bytes; empty: the broker has none
  int32_t marker_partition = 0;
  int64_t records = 0;
  /// Sum (mod 2^64) over all records of RecordChecksum: independent of order.
  uint64_t checksum = 0;
  std::vector<OffsetRun> runs;
  /// The records themselves (EncodeRecords), or the file that holds them (SinkHandle::files[0]); neither: only the log
  /// has them.
  std::string wal;
  bool wal_in_file = false;
  friend bool operator==(const KafkaHandle&, const KafkaHandle&) = default;
};
std::string EncodeHandle(const KafkaHandle& handle);
/// kDataLoss: not a handle of a Kafka sink, or of a later version.
absl::StatusOr<KafkaHandle> DecodeHandle(const std::string& bytes);

/// A record as it is produced and as it is found again.
struct KafkaRecord {
  int32_t partition = 0;
  int64_t offset = -1;  // found ones
  int64_t timestamp_ms = 0;
  bool has_key = false, has_value = true;
  std::string key, value;
  std::vector<std::pair<std::string, std::string>> headers;
  friend bool operator==(const KafkaRecord&, const KafkaRecord&) = default;
};
/// XXH3-64 over value, seeded by that of the key, seeded by the partition (and by which of them there are). Headers and
/// timestamps are not in it.
uint64_t RecordChecksum(int32_t partition, const void* key, size_t key_size, bool has_key, const void* value,
                        size_t value_size, bool has_value);
/// Appends it in the form of `KafkaHandle::wal`: everything but the offset.
void AppendRecord(const KafkaRecord& record, std::string* wal);
/// Calls `found` for each record, in the order in which they were appended; its error ends the visit and is returned.
/// kDataLoss: damaged.
absl::Status VisitRecords(const std::string& wal, const std::function<absl::Status(KafkaRecord)>& found);
absl::StatusOr<std::vector<KafkaRecord>> DecodeRecords(const std::string& wal);

/// What a transaction carries as the offset metadata of group <transactional id>: `offset` is the checkpoint.
struct Marker {
  CheckpointId checkpoint;
  std::string metadata;  // MarkerMetadata(job uuid, checkpoint)
};
std::string MarkerMetadata(const JobId& job, CheckpointId checkpoint);
/// Whose marker it is. Nothing: it is none of ours, or its metadata speaks of another checkpoint than its offset.
std::optional<JobId> JobOfMarker(const Marker& marker);

}  // namespace weir::taskmanager::kafka
