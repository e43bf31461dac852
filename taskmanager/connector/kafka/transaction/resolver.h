#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "taskmanager/connector/kafka/transaction/repairer.h"
#include "taskmanager/connector/kafka/transaction/running_attempt.h"
#include "taskmanager/connector/two_phase_commit_sink.h"

namespace weir::taskmanager::kafka {

/// Brings every handle of a restored checkpoint to its end: committed, repaired, or a named error (reference 7.0, 7.4).
///
/// Of the coordinator, handles of mode B need ClusterId, ReadMarker and TopicId only (which may be kUnimplemented).
///
/// Thread:  confined.
/// Errors:  kFailedPrecondition `SINK_CLUSTER_MISMATCH: …`: handles of another cluster, nothing was concluded.
///          kFailedPrecondition `OUTCOME_UNKNOWN: …`: nobody can know any more whether a transaction was committed.
///          kDataLoss `DATA_LOSS: …`: one was aborted and its records are gone. Both only under
///          UnresolvedPolicy::kFail; whatever else can be settled has been. Others: of the ports; the call may be
///          repeated.
class Resolver {
 public:
  struct Options {
    JobId job;
    Attempt attempt;
    UnresolvedPolicy unresolved = UnresolvedPolicy::kFail;
    /// How long the broker keeps a marker when nobody can ask it (Kafka's default is 7 days).
    int64_t offset_retention_ms = int64_t{7} * 24 * 3600 * 1000;
    RecoveryTimeouts timeouts;
    /// One line for people; may be empty.
    std::function<void(const std::string&)> log;
  };
  struct Counts {
    int64_t committed = 0;  // also those that were committed before
    int64_t repaired = 0;
    int64_t skipped = 0;  // `--unresolved skip`
  };

  Resolver(Options options, RecoveryPorts ports);

  /// Handles (EncodeHandle) of one or several former subtasks; those of one are settled in checkpoint order.
  /// Idempotent.
  absl::Status ResolveAll(const std::vector<std::string>& handles);

  const Counts& counts() const { return counts_; }

 private:
  struct Entry {
    KafkaHandle handle;
    TransactionalId id;
  };
  enum class Verdict : uint8_t { kCommitted, kLost };

  absl::Status CheckCluster(const std::vector<Entry>& entries);
  absl::Status ResolveSubtask(const std::vector<Entry>& entries);
  /// Commits it, or finds out what became of it. kFailedPrecondition OUTCOME_UNKNOWN: that cannot be known.
  absl::StatusOr<Verdict> Settle(const Entry& entry);
  absl::StatusOr<Verdict> VerdictOf(const Entry& entry, const std::optional<Marker>& marker);
  /// The topic that the marker was written for is still the one of that name; otherwise why not.
  absl::StatusOr<std::optional<std::string>> WhyMarkerMayBeGone(const KafkaHandle& handle);
  /// How long the broker keeps a marker.
  absl::StatusOr<int64_t> Retention();
  absl::Status Fence(const KafkaHandle& handle);
  absl::Status Repair(const Entry& entry, bool partial);
  absl::StatusOr<std::optional<Marker>> ReadMarker(const KafkaHandle& handle, bool stable);
  int64_t Deadline() const;
  void Say(const std::string& line) const;

  Options options_;
  RecoveryPorts ports_;
  RunningAttempt running_;
  Repairer repairer_;
  Counts counts_;
};

}  // namespace weir::taskmanager::kafka
