#pragma once

#include "tests/simulation/bugs/wrappers.h"

namespace weir::sim {

// Bugs of sinks and sources, as wrappers.

/// Restored handles are not resolved.
Wrappers CommitSkippedAfterRecovery();
/// What older attempts left open is never aborted.
Wrappers LeftoversNotSwept();
/// Subtask 0 sweeps when it has resolved its own share.
Wrappers SweptBeforeAllResolved();
/// A file sink takes whatever is not of its own attempt for a leftover, newer attempts' files too.
Wrappers UnfencedZombie();
/// Every attempt asks anew where `latest` is.
Wrappers LatestResolvedTwice();
/// EndTxn carries the identity that the id has now, not the handle's.
Wrappers IdentityReadAgain();
/// The producer id of a handle is that of the id's first transaction, and a refused EndTxn counts as done before.
Wrappers ProducerIdRemembered();
/// A refused EndTxn counts as lost whatever the marker says.
Wrappers MarkerNotChecked();
/// The marker is read once, before the fence, and not again.
Wrappers MarkerReadOnce();
/// A transactional id keeps its epoch when it is initialised again: one identity, several transactions.
Wrappers EpochReused();

}  // namespace weir::sim
