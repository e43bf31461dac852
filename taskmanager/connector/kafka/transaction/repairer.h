#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "taskmanager/connector/kafka/transaction/running_attempt.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// What recovery talks to. The pointers outlive it.
struct RecoveryPorts {
  TransactionCoordinator* coordinator = nullptr;
  LogReader* log = nullptr;  // null: mode B without the small client; handles then keep their records
  RepairProducerFactory repair_producer;
  /// The bytes of a handle's file of records (`wal_in_file`).
  std::function<absl::StatusOr<std::string>(const KafkaHandle&)> read_wal_file;
  /// How long the broker keeps a marker (offsets.retention.minutes). Absent: Resolver::Options::offset_retention_ms.
  std::function<absl::StatusOr<int64_t>()> offset_retention_ms;
  const Clock* clock = nullptr;
};

/// How long recovery waits for one answer, and for one run of the log.
struct RecoveryTimeouts {
  int64_t call_micros = 60'000'000;
  int64_t read_micros = 600'000'000;
};

/// The marker proves that the handle's transaction was committed: its checkpoint, or a later one for which the slot was
/// used again, by the job of the handle's transactional id.
bool ProvesCommit(const Marker& marker, const KafkaHandle& handle, const JobId& job_of_id);

/// Produces the records of a transaction that the broker aborted again, in a transaction of its own with the same
/// marker: of {the original, any repair of it} at most one is ever committed (reference 7.4, 7.5).
///
/// Thread:  confined.
/// Errors:  kDataLoss `DATA_LOSS: …` naming topic, partitions, offsets, checkpoint and id; kInternal: an id of
///          a running attempt; whatever the ports say. After any error nothing of it is visible, or all of it is: the
///          next one finds out by the marker.
class Repairer {
 public:
  Repairer(const RunningAttempt& running, RecoveryPorts ports, RecoveryTimeouts timeouts);

  /// Whether the handle's records can still be had, all and unharmed. Changes nothing.
  absl::Status Verify(const KafkaHandle& handle);

  enum class Outcome : uint8_t { kRepaired, kWasCommitted };
  /// Only after Verify, and after whatever was open under the id was fenced. `partial`: what is found is enough.
  absl::StatusOr<Outcome> Repair(const KafkaHandle& handle, bool partial);

 private:
  struct Found {
    int64_t records = 0;
    uint64_t checksum = 0;
  };
  using Visitor = std::function<absl::Status(const KafkaRecord&)>;
  /// Every record that is found, partition by partition in the order of their offsets. `partial`: holes in the log are
  /// passed over.
  absl::StatusOr<Found> Visit(const KafkaHandle& handle, bool partial, const Visitor& visitor);
  absl::Status VisitWal(const KafkaHandle& handle, const std::string& wal, const Visitor& count);
  absl::Status VisitLog(const KafkaHandle& handle, bool partial, const Visitor& count);

  RunningAttempt running_;
  RecoveryPorts ports_;
  RecoveryTimeouts timeouts_;
};

}  // namespace weir::taskmanager::kafka
