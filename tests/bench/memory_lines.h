#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::bench {

/// Nanoseconds of CPU that an operation takes that reads a random line of a piece of memory and changes one of another, which
/// were asked for 16 operations before: what a table of an index and rows must take at least. Uses huge pages where the system
/// has them. Thread: any.
double TwoLinesNs(size_t read_bytes, size_t changed_bytes, int64_t operations);

}  // namespace weir::bench
