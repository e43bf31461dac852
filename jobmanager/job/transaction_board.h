#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/control/messages.h"
#include "jobmanager/job_api.h"
#include "jobmanager/job_transactions.h"

namespace weir::jobmanager {

/// What the sinks of a job said last of their transactions.
///
/// Thread:    confined; pure.
/// Invariant: what a lost TaskManager said stays until the sink's subtask reports anew, or until an
///            attempt runs: then everything of older attempts is resolved or swept.
class TransactionBoard {
 public:
  void OnReport(Attempt attempt, const control::SinkReport& report);
  void OnRunning(Attempt attempt);
  void Clear() { known_.clear(); }

  /// `committing`: the handles of the last complete checkpoint that are not confirmed.
  std::vector<JobTransaction> List(const std::vector<PendingHandle>& committing,
                                   CheckpointId last_complete) const;
  std::vector<control::SinkReport> Reports() const;

 private:
  struct Known {
    Attempt attempt;
    control::SinkReport report;
  };
  std::map<std::pair<std::string, int32_t>, Known> known_;  // by sink and subtask
};

}  // namespace weir::jobmanager
