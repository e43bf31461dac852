#pragma once

#include <string>
#include <vector>

#include "tests/simulation/oracle/exact.h"

namespace weir::sim {

// What the operators that hold most state must make of all these records that pass the filter, by
// plain loops over them. Each is the reference of one kind of workload; rows as the sinks write them.

/// Sessions by key that end after kSessionGapMicros without a row: `{"k":3,"b":12,"e":15,"c":5,"s":70,"q":4}`: key,
/// begin and end in milliseconds, count, sum of seq, sum of split.
inline constexpr int64_t kSessionGapMicros = 1'000'000;
std::vector<std::string> SessionsOf(const Ranges& records);

/// The kTopRows most frequent keys of sliding windows, the lesser key first: `{"k":3,"b":12,"c":5,"r":1}`: key, begin
/// of the window, count, rank.
inline constexpr int64_t kSlideMicros = 2'000'000;
inline constexpr int64_t kSlidingMicros = 4'000'000;
inline constexpr int64_t kTopRows = 3;
std::vector<std::string> TopOf(const Ranges& records);

/// Records that pass with those of their key that do not pass, from kBeforeMicros before to kAfterMicros after them:
/// `{"k":3,"p":0,"s":17,"x":1,"y":16}`; a record without any stands alone, with nulls.
inline constexpr int64_t kBeforeMicros = 1'500'000;
inline constexpr int64_t kAfterMicros = 500'000;
std::vector<std::string> JoinOf(const Ranges& records);

/// The first of each kGroupOf consecutive numbers, of whichever split: `{"k":5,"s":17}`: group, seq.
inline constexpr int64_t kGroupOf = 3;
std::vector<std::string> FirstsOf(const Ranges& records);

}  // namespace weir::sim
