#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"
#include "common/checkpoint/storage.h"
#include "taskmanager/state/keyed_state.h"
#include "taskmanager/state/ordered_store.h"

namespace weir::taskmanager {

/// Makes keyed state from the snapshots of former subtasks: those whose key groups meet
/// `options.range`. Nothing is used before it is verified. One snapshot of exactly that range: its
/// chain goes on; else the first checkpoint writes a base.
///
/// Thread:  any one thread; blocks on I/O.
/// Errors:  kDataLoss = a file is damaged or missing, named in the message; kUnavailable = the
/// storage is;
///          kFailedPrecondition = snapshots in a database, and `stores` is null (backend memory).
absl::StatusOr<std::unique_ptr<KeyedState>> RestoreKeyedState(
    KeyedStateOptions options, std::shared_ptr<checkpoint::Storage> storage,
    std::unique_ptr<OrderedStoreFactory> stores, std::vector<checkpoint::KeyedSnapshot> restored);

}  // namespace weir::taskmanager
