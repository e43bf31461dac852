#pragma once

#include <memory>
#include <string>

#include "taskmanager/state/ordered_store.h"

namespace weir::taskmanager {

/// Stores that are RocksDB databases below `folder`, which is made with the first and removed with the last of them.
/// Without a log: what must survive is in the checkpoint storage. `memory_bytes` is shared by block cache and write
/// buffers of one store.
std::unique_ptr<OrderedStoreFactory> MakeRocksDbStores(std::string folder, int64_t memory_bytes);

}  // namespace weir::taskmanager
