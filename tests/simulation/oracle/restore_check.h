#pragma once

#include "common/checkpoint/storage.h"
#include "tests/simulation/oracle/journal.h"

namespace weir::sim {

/// O4: every retained checkpoint and savepoint of the last accepted record of each job can be read, with all files that
/// it refers to, and their checksums match. Waits.
Violations CheckRestorable(checkpoint::Storage& storage, const Journal& journal);

}  // namespace weir::sim
