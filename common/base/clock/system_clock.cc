#include "common/base/clock/system_clock.h"

#include <ctime>

namespace weir {
namespace {
int64_t Read(clockid_t id) {
  timespec t;
  clock_gettime(id, &t);
  return int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1'000;
}
}  // namespace

SteadyMicros SystemClock::Steady() const { return Read(CLOCK_MONOTONIC); }
WallMicros SystemClock::Wall() const { return Read(CLOCK_REALTIME); }
int64_t ThreadCpuMicros() { return Read(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace weir
