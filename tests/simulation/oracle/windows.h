#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/oracle/exact.h"

namespace weir::sim {

/// What record `seq` of a split is: the same for the test source and for the reference that computes what a job must
/// make of it.
struct Content {
  int64_t key = 0;
  int64_t time_micros = 0;  // event time
  bool passes = true;       // the filter of `real` jobs
};
Content ContentOf(int32_t split, int64_t seq);
/// Size of the tumbling windows of `real` jobs, in microseconds of event time.
inline constexpr int64_t kWindowMicros = 4'000'000;

/// The rows that a filter, then a tumbling window by key with count and sums, must make of all these records: by a
/// plain loop over them. `{"k":3,"b":12,"c":5,"s":70,"q":4}`: key, start of
/// the window in milliseconds, count, sum of seq, sum of split.
std::vector<std::string> WindowsOf(const Ranges& records);

}  // namespace weir::sim
