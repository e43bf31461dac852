#pragma once

#include <cstdint>

#include "common/batch/types.h"

namespace weir::batch {

/// Values as text, written to `out`, which has room for kLongestText bytes; each returns the end. DecimalToString and
/// its like (batch.h) are these in a string. Thread: any.
inline constexpr int kLongestText = 64;

/// `-1.50` for -150 of scale 2.
char* WriteDecimal(Decimal value, int scale, char* out);
/// `2026-01-31`; years beyond 9999 take more digits.
char* WriteDate(int32_t days, char* out);
/// `2026-01-31` `separator` `10:00:00[.ffffff]`: three digits behind the point when they are enough, none at a full
/// second.
char* WriteTimestamp(int64_t micros, char separator, char* out);

}  // namespace weir::batch
