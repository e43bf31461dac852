#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "taskmanager/operator/operator.h"
#include "taskmanager/operator/window/window_math.h"

namespace weir::taskmanager {

/// Up to when windows of processing time have fired, through checkpoints. No watermark tells it, and former subtasks
/// were not equally far: a window that has fired for the keys of one still has to for those of another.
///
/// Thread: the task's thread.
class FiredTimes {
 public:
  /// Reads what former subtasks said.
  absl::Status Open(const OperatorContext& context);
  /// The latest of theirs; kMinTimestamp: a first start.
  int64_t latest() const { return latest_; }
  /// Finds the windows up to latest() that have not fired for all of their keys.
  absl::Status FindMissed(KeyedTable& main, const WindowMath& math);
  /// Window end to keys, ascending.
  const std::map<int64_t, std::set<std::string>>& missed() const { return missed_; }
  void ForgetMissed() { missed_.clear(); }

  /// `snapshot`, with `fired` kept in it.
  static std::unique_ptr<AsyncSnapshot> Keep(int64_t fired, std::unique_ptr<AsyncSnapshot> snapshot);

 private:
  struct Part {
    batch::KeyGroupRange range;
    int64_t fired;
  };
  std::vector<Part> parts_;
  int max_parallelism_ = 128;
  int64_t latest_ = batch::kMinTimestamp;
  std::map<int64_t, std::set<std::string>> missed_;
};

}  // namespace weir::taskmanager
