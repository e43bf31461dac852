#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "taskmanager/connector/kafka/transaction/running_attempt.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// Ends the open transactions that older attempts left, of all their subtasks: they hold back every read_committed
/// reader (reference 7.4). One owner per sink; only after every handle was resolved. May be repeated while the job
/// runs: a process that was thought dead may open one late.
///
/// Thread:  confined.
/// Errors:  kInternal: an id of a running attempt came up; else the first error of the coordinator, after all ids were
///          tried. A broker that lacks ListTransactions: none, what is open ends by its timeout.
class Sweeper {
 public:
  struct Options {
    JobId job;
    Attempt attempt;
    std::string sink;
    /// The ended job whose checkpoint this one was started from, and the sink's name there.
    std::optional<JobId> former_job;
    std::string former_sink;
    /// Of InitProducerId; no transaction of it is ever begun.
    int64_t transaction_timeout_ms = 10'000;
    int64_t call_micros = 60'000'000;
    /// One line for people; may be empty.
    std::function<void(const std::string&)> log;
  };

  Sweeper(Options options, TransactionCoordinator* coordinator, const Clock* clock);

  /// How many were ended. `unresolved`: transactional ids that a handle still needs.
  absl::StatusOr<int64_t> Sweep(const std::vector<std::string>& unresolved);

 private:
  absl::StatusOr<int64_t> SweepPrefix(const std::string& prefix, const std::vector<std::string>& unresolved);

  Options options_;
  RunningAttempt running_;
  TransactionCoordinator* coordinator_;
  const Clock* clock_;
};

}  // namespace weir::taskmanager::kafka
