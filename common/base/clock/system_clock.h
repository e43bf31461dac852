#pragma once

#include "common/base/clock.h"

namespace weir {

/// The machine's clocks (CLOCK_MONOTONIC, CLOCK_REALTIME). Thread: thread-safe.
class SystemClock final : public Clock {
 public:
  SteadyMicros Steady() const override;
  WallMicros Wall() const override;
};

/// CPU time of the calling thread in microseconds.
int64_t ThreadCpuMicros();

}  // namespace weir
