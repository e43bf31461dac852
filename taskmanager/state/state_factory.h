#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"
#include "common/checkpoint/storage.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Opens the keyed state of an operator's subtask: new (nothing restored), or from the snapshots of the former subtasks,
/// of which those that concern the range are read. Target weir_tm_state_rocksdb, which the port knows nothing of.
///
/// Thread:  any one thread; blocks on I/O when something is restored. The state may outlive neither its folder's disk
///          nor the attempt; its local folder is removed with it and its writers.
/// Errors:  kDataLoss = the checkpoint is damaged, with the file's name; kUnavailable = the storage is not there: retry;
///          kInvalidArgument = no such backend; kFailedPrecondition = the state cannot be read by this backend or job.
absl::StatusOr<std::unique_ptr<KeyedState>> OpenKeyedState(KeyedStateOptions options,
                                                           std::shared_ptr<checkpoint::Storage> storage,
                                                           std::vector<checkpoint::KeyedSnapshot> restored);

}  // namespace weir::taskmanager
