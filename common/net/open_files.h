#pragma once

#include <cstdint>

namespace weir::net {

/// Raises this process's limit of open files as far as it may, and returns it. The usual limit of
/// 1024 is less than the connections, tables and log segments of one daemon.
int64_t RaiseOpenFileLimit();

}  // namespace weir::net
