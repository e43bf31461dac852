#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/checkpoint/snapshot.h"
#include "common/control/messages.h"
#include "common/runtime/event_loop.h"
#include "jobmanager/checkpoint/checkpoint_coordinator.h"
#include "jobmanager/job/attempt_progress.h"

namespace weir::jobmanager {

/// What a JobMaster knows of the attempt under way; gone with it.
struct AttemptRun {
  AttemptRun(const plan::ExecutionPlan& plan, bool resolve)
      : resolver(resolve), progress(plan, resolve) {}

  Attempt number;
  bool resolver = false;  // resolve and sweep only
  bool staged = false;    // resolver for another job's checkpoint (`--from`)
  bool recorded = false;
  bool deployed = false;
  bool waiting_for_slots = false;
  SteadyMicros not_before = 0;

  std::optional<CheckpointId> restored;  // nothing: the first start
  std::vector<control::SubtaskPlacement> placements;
  std::map<std::string, Incarnation> taskmanagers;
  AttemptProgress progress;

  std::map<std::string, checkpoint::SourceSplits> splits;  // found so far, by source
  bool recording_splits = false;
  bool splits_recorded = false;  // or restored
  bool splits_grown = false;     // since: sources are to be told

  std::unique_ptr<CheckpointCoordinator> coordinator;
  runtime::EventLoop::TimerId wake = 0;
  int64_t checkpoints = 0;
  std::map<SubtaskId, control::SubtaskMetrics> metrics;
};

}  // namespace weir::jobmanager
