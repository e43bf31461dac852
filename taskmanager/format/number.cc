#include "taskmanager/format/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "common/batch/batch.h"

namespace weir::taskmanager {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsJsonNumber(std::string_view text) {
  size_t p = 0;
  auto digits = [&] {
    const size_t from = p;
    while (p < text.size() && IsDigit(text[p])) ++p;
    return p - from;
  };
  if (p < text.size() && text[p] == '-') ++p;
  const size_t first = p;
  const size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (p < text.size() && text[p] == '.') {
    ++p;
    if (digits() == 0) return false;
  }
  if (p < text.size() && (text[p] == 'e' || text[p] == 'E')) {
    ++p;
    if (p < text.size() && (text[p] == '+' || text[p] == '-')) ++p;
    if (digits() == 0) return false;
  }
  return p == text.size();
}

NumberFault ToInteger(std::string_view text, int64_t* out) {
  if (!IsJsonNumber(text)) return NumberFault::kNotANumber;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (end != text.data() + text.size()) return NumberFault::kFraction;
  return error == std::errc() ? NumberFault::kNone : NumberFault::kTooLarge;
}

NumberFault ToDouble(std::string_view text, double* out) {
  if (!IsJsonNumber(text)) return NumberFault::kNotANumber;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  // Out of range means too large or too near to zero: strtod tells them apart.
  if (error != std::errc()) *out = std::strtod(std::string(text).c_str(), nullptr);
  return std::isfinite(*out) ? NumberFault::kNone : NumberFault::kTooLarge;
}

NumberFault ToDecimal(std::string_view text, int precision, int scale, batch::Decimal* out) {
  if (!IsJsonNumber(text)) return NumberFault::kNotANumber;
  const auto value = batch::ParseDecimal(text, precision, scale);
  if (!value) return NumberFault::kTooLarge;
  *out = *value;
  return NumberFault::kNone;
}

NumberFault MillisToMicros(std::string_view text, int64_t* out) {
  batch::Decimal micros;  // milliseconds with three digits behind the point are microseconds
  if (const NumberFault fault = ToDecimal(text, 22, 3, &micros); fault != NumberFault::kNone) return fault;
  // The ends of the range stand for `no time yet` and `no time any more`.
  if (micros <= batch::kMinTimestamp || micros >= batch::kMaxTimestamp) return NumberFault::kTooLarge;
  *out = static_cast<int64_t>(micros);
  return NumberFault::kNone;
}

std::string_view Describe(NumberFault fault) {
  switch (fault) {
    case NumberFault::kNone:
      return "is fine";
    case NumberFault::kNotANumber:
      return "is not a number";
    case NumberFault::kFraction:
      return "is not written as an integer";
    case NumberFault::kTooLarge:
      return "is too large";
  }
  return "";
}

}  // namespace weir::taskmanager
