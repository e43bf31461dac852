#include "taskmanager/state/state_factory.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "taskmanager/state/rocksdb/rocksdb_store.h"
#include "taskmanager/state/state_restorer.h"

namespace weir::taskmanager {

absl::StatusOr<std::unique_ptr<KeyedState>> OpenKeyedState(
    KeyedStateOptions options, std::shared_ptr<checkpoint::Storage> storage,
    std::vector<checkpoint::KeyedSnapshot> restored) {
  std::unique_ptr<OrderedStoreFactory> stores;
  if (options.backend == "rocksdb") {
    // A part of the budget is for the database's own buffers, and for what is on its way there.
    const int64_t for_database = options.memory_budget_bytes / 6;
    options.memory_budget_bytes -= for_database;
    stores = MakeRocksDbStores(options.local_dir, for_database);
  } else if (options.backend != "memory") {
    return absl::InvalidArgumentError(
        absl::StrCat("state.backend is '", options.backend, "'; known are rocksdb and memory"));
  }
  return RestoreKeyedState(std::move(options), std::move(storage), std::move(stores),
                           std::move(restored));
}

}  // namespace weir::taskmanager
