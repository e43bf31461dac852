#pragma once

#include <cstdint>
#include <string_view>

#include "common/batch/types.h"

namespace weir::taskmanager {

/// Why a number does not fit a column.
enum class NumberFault : uint8_t { kNone, kNotANumber, kFraction, kTooLarge };

/// Whether `text` is a number by JSON's grammar (RFC 8259, section 6).
bool IsJsonNumber(std::string_view text);

/// `-?digits` to an integer of 64 bits; kFraction when there is a fraction or an exponent (1.0 and 1e3 too: whether a
/// number is an integer is told by how it is written).
NumberFault ToInteger(std::string_view text, int64_t* out);
/// kTooLarge when it is not finite.
NumberFault ToDouble(std::string_view text, double* out);
/// Rounded half away from zero to `scale` digits.
NumberFault ToDecimal(std::string_view text, int precision, int scale, batch::Decimal* out);
/// Milliseconds since the epoch, with or without a fraction, to microseconds.
NumberFault MillisToMicros(std::string_view text, int64_t* out);

/// ` is too large for …` and the like, to be put behind the value's text.
std::string_view Describe(NumberFault fault);

}  // namespace weir::taskmanager
