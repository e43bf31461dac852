#pragma once

#include <cstdint>

namespace weir {

/// Microseconds of a clock that never goes back; only differences mean something.
using SteadyMicros = int64_t;
/// Microseconds since 1970-01-01 UTC.
using WallMicros = int64_t;

/// Time as a port, so that cores and tests decide what time it is.
/// Thread: thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyMicros Steady() const = 0;
  virtual WallMicros Wall() const = 0;
};

}  // namespace weir
