#pragma once

#include "tests/simulation/bugs/wrappers.h"

namespace weir::sim {

// Bugs of durable state, as wrappers or as disks that lie.

/// The delta of an aborted checkpoint is not in the chain of the next one.
Wrappers AbortedDeltaDropped();
/// fsync of files does nothing on the disk that this path is on; on nodes' own disks for an empty one.
Wrappers FileSyncMissing(const char* path);
/// The same with fsync of folders.
Wrappers FolderSyncMissing(const char* path);
/// A new leader begins with the number of the attempt that the last one deployed.
Wrappers AttemptReused();
/// The store takes records of older checkpoints.
Wrappers OlderRecordAccepted();

}  // namespace weir::sim
