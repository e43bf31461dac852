#pragma once

#include <string>

#include "common/batch/batch.h"

namespace weir::taskmanager {

/// A table that is read wholly, once. Thread: immutable once shared.
struct BoundedTable {
  batch::Batch rows;   // without event times
  std::string digest;  // of the bytes it was read from: the same for the same content only
};

}  // namespace weir::taskmanager
