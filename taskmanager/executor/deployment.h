#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/checkpoint/storage.h"
#include "common/control/messages.h"
#include "common/plan/plan.h"
#include "taskmanager/connector/connector_registry.h"
#include "taskmanager/exchange/channel.h"
#include "taskmanager/executor/async_pool.h"
#include "taskmanager/executor/restored_manifest.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Makes keyed state, restored from `restored` (parts of former subtasks whose ranges overlap). Blocks on I/O.
using StateFactory = std::function<absl::StatusOr<std::unique_ptr<KeyedState>>(
    const KeyedStateOptions& options, std::shared_ptr<checkpoint::Storage> storage,
    const std::vector<checkpoint::KeyedSnapshot>& restored)>;

/// What all subtasks of one attempt on this TaskManager share. Immutable.
struct Deployment {
  control::Fence fence;
  std::shared_ptr<const plan::ExecutionPlan> plan;
  std::map<SubtaskId, control::SubtaskPlacement> placements;
  bool resolve_only = false;
  std::optional<JobId> former_job;  // with `unresolved`: for the resolver of another job's checkpoint
  control::UnresolvedPolicy unresolved = control::UnresolvedPolicy::kFail;
  std::shared_ptr<checkpoint::Storage> storage;
  std::shared_ptr<RestoredManifest> restored;  // null: first start

  const ConnectorRegistry* connectors = nullptr;
  ExchangeTransport* transport = nullptr;
  const Clock* clock = nullptr;
  AsyncPool* pool = nullptr;
  StateFactory open_state;
  std::function<void(control::ToJobManager)> send;
  SteadyMicros sweep_interval = 30'000'000;  // of sinks that sweep while the job runs
  std::string local_dir;            // of the attempt
  int64_t state_memory_bytes = 0;   // for each stateful operator of a subtask
  int64_t client_memory_bytes = int64_t{16} << 20;  // for the client queues of each source and sink of a subtask
};

}  // namespace weir::taskmanager
