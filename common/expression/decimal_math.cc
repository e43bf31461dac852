#include "common/expression/decimal_math.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "common/batch/batch.h"

namespace weir::expression {

using batch::DataType;
using batch::Decimal;
using batch::TypeKind;

namespace {

constexpr std::array<Decimal, 39> MakePowers() {
  std::array<Decimal, 39> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}
constexpr std::array<Decimal, 39> kPowers = MakePowers();

// An unsigned number of 256 bits.
struct Wide {
  Unsigned128 high = 0;
  Unsigned128 low = 0;
};

bool Less(const Wide& a, const Wide& b) {
  return a.high != b.high ? a.high < b.high : a.low < b.low;
}

Wide Multiply(Unsigned128 a, Unsigned128 b) {
  constexpr Unsigned128 kMask = ~uint64_t{0};
  Unsigned128 a0 = a & kMask, a1 = a >> 64, b0 = b & kMask, b1 = b >> 64;
  Unsigned128 p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
  Unsigned128 middle = (p00 >> 64) + (p01 & kMask) + (p10 & kMask);
  return {p11 + (p01 >> 64) + (p10 >> 64) + (middle >> 64), (middle << 64) | (p00 & kMask)};
}

// False on overflow.
bool MultiplyInto(Wide* a, Unsigned128 b) {
  Wide low = Multiply(a->low, b);
  Wide high = Multiply(a->high, b);
  if (high.high != 0) return false;
  Unsigned128 sum = low.high + high.low;
  if (sum < low.high) return false;
  *a = {sum, low.low};
  return true;
}

bool ScaleUp(Wide* a, int digits) {
  while (digits > 0) {
    int step = std::min(digits, 38);
    if (!MultiplyInto(a, static_cast<Unsigned128>(kPowers[static_cast<size_t>(step)])))
      return false;
    digits -= step;
  }
  return true;
}

Wide Add(const Wide& a, const Wide& b) {
  Unsigned128 low = a.low + b.low;
  return {a.high + b.high + (low < a.low ? 1 : 0), low};
}

Wide Subtract(const Wide& a, const Wide& b) {
  return {a.high - b.high - (a.low < b.low ? 1 : 0), a.low - b.low};
}

// The quotient rounded half up; false when it does not fit 128 bits.
bool DivideRound(Wide a, Unsigned128 by, Unsigned128* out) {
  Unsigned128 quotient, rest;
  if (a.high == 0) {
    quotient = a.low / by;
    rest = a.low % by;
  } else {
    if (a.high >= by) return false;
    // Bit by bit; `rest` < by < 2^127, so the shift loses nothing.
    rest = a.high;
    quotient = 0;
    for (int bit = 127; bit >= 0; --bit) {
      rest = (rest << 1) | ((a.low >> bit) & 1);
      quotient <<= 1;
      if (rest >= by) {
        rest -= by;
        quotient |= 1;
      }
    }
  }
  if (rest >= by - rest) {
    if (++quotient == 0) return false;
  }
  *out = quotient;
  return true;
}

bool Signed(Unsigned128 magnitude, bool negative, int precision, Decimal* out) {
  if (magnitude >= static_cast<Unsigned128>(kPowers[static_cast<size_t>(precision)])) return false;
  *out = negative ? -static_cast<Decimal>(magnitude) : static_cast<Decimal>(magnitude);
  return true;
}

// a / 10^digits, rounded, with its sign.
bool Narrow(Wide a, int digits, bool negative, int precision, Decimal* out) {
  Unsigned128 magnitude;
  // More than 38 digits fall away only when two scales add up. Cutting the last ones off first is
  // exact: rounding half away from zero depends on the highest dropped digit alone.
  while (digits > 38) {
    Unsigned128 high = a.high / 10, rest = a.high % 10;
    Unsigned128 low = 0;
    for (int bit = 127; bit >= 0; --bit) {
      rest = (rest << 1) | ((a.low >> bit) & 1);
      low <<= 1;
      if (rest >= 10) {
        rest -= 10;
        low |= 1;
      }
    }
    a = {high, low};
    --digits;
  }
  if (!DivideRound(a, static_cast<Unsigned128>(kPowers[static_cast<size_t>(digits)]), &magnitude))
    return false;
  return Signed(magnitude, negative, precision, out);
}

Wide Of(Decimal value) { return {0, static_cast<Unsigned128>(Magnitude(value))}; }

DataType Adjusted(int precision, int scale) {
  if (precision > 38) {
    int whole = precision - scale;
    scale = std::max(38 - whole, std::min(scale, 6));
    precision = 38;
  }
  return DataType{TypeKind::kDecimal, true, static_cast<uint8_t>(precision),
                  static_cast<uint8_t>(scale)};
}

}  // namespace

Decimal PowerOfTen(int n) { return kPowers[static_cast<size_t>(n)]; }

bool AddDecimals(Decimal a, int as, Decimal b, int bs, int precision, int scale, Decimal* out) {
  int common = std::max(as, bs);
  Wide x = Of(a), y = Of(b);
  if (!ScaleUp(&x, common - as) || !ScaleUp(&y, common - bs)) return false;
  bool negative = a < 0;
  Wide sum;
  if ((a < 0) == (b < 0)) {
    sum = Add(x, y);
  } else if (Less(x, y)) {
    sum = Subtract(y, x);
    negative = b < 0;
  } else {
    sum = Subtract(x, y);
  }
  if (scale >= common)
    return ScaleUp(&sum, scale - common) && sum.high == 0 &&
           Signed(sum.low, negative, precision, out);
  return Narrow(sum, common - scale, negative, precision, out);
}

bool MultiplyDecimals(Decimal a, int as, Decimal b, int bs, int precision, int scale,
                      Decimal* out) {
  Wide product =
      Multiply(static_cast<Unsigned128>(Magnitude(a)), static_cast<Unsigned128>(Magnitude(b)));
  return Narrow(product, as + bs - scale, (a < 0) != (b < 0), precision, out);
}

bool DivideDecimals(Decimal a, int as, Decimal b, int bs, int precision, int scale, Decimal* out) {
  int digits = scale + bs - as;
  Wide numerator = Of(a);
  Wide denominator = Of(b);
  if (digits >= 0 ? !ScaleUp(&numerator, digits) : !ScaleUp(&denominator, -digits)) return false;
  Unsigned128 magnitude = 0;
  // A denominator beyond 128 bits only meets numerators of 38 digits: the quotient is 0.
  if (denominator.high == 0 && denominator.low >> 127 == 0) {
    if (!DivideRound(numerator, denominator.low, &magnitude)) return false;
  } else if (denominator.high == 0 && numerator.low >= denominator.low - numerator.low) {
    magnitude = 1;
  }
  return Signed(magnitude, (a < 0) != (b < 0), precision, out);
}

bool RescaleDecimal(Decimal a, int from, int precision, int scale, Decimal* out) {
  if (scale <= from) {
    *out = DivideByPowerOfTen(a, from - scale);
    return FitsPrecision(*out, precision);
  }
  Wide wide = Of(a);
  return ScaleUp(&wide, scale - from) && wide.high == 0 && Signed(wide.low, a < 0, precision, out);
}

int CompareDecimals(Decimal a, int as, Decimal b, int bs) {
  if ((a < 0) != (b < 0)) return a < 0 ? -1 : 1;
  Wide x = Of(a), y = Of(b);
  int common = std::max(as, bs);
  // 38 digits times 10^38 fits 256 bits.
  ScaleUp(&x, common - as);
  ScaleUp(&y, common - bs);
  int sign = Less(x, y) ? -1 : Less(y, x) ? 1 : 0;
  return a < 0 ? -sign : sign;
}

Decimal DivideByPowerOfTen(Decimal value, int n) {
  if (n == 0) return value;
  if (n > 38) return 0;
  Decimal by = PowerOfTen(n);
  Decimal quotient = value / by;
  Decimal rest = Magnitude(value % by);
  if (rest >= by - rest) quotient += value < 0 ? -1 : 1;
  return quotient;
}

double DecimalToDouble(Decimal value, int scale) {
  constexpr Decimal kExact = Decimal{1} << 53;
  if (Magnitude(value) <= kExact && scale <= 22)
    return static_cast<double>(value) / std::pow(10.0, scale);
  return std::strtod(batch::DecimalToString(value, scale).c_str(), nullptr);
}

bool DoubleToDecimal(double value, int precision, int scale, Decimal* out) {
  if (!std::isfinite(value)) return false;
  char buffer[64];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  if (error != std::errc()) return false;
  auto parsed = batch::ParseDecimal(std::string_view(buffer, static_cast<size_t>(end - buffer)),
                                    precision, scale);
  if (!parsed) return false;
  *out = *parsed;
  return true;
}

DataType AddType(const DataType& a, const DataType& b) {
  int scale = std::max(a.scale, b.scale);
  return Adjusted(std::max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale);
}

DataType MultiplyType(const DataType& a, const DataType& b) {
  return Adjusted(a.precision + b.precision + 1, a.scale + b.scale);
}

DataType DivideType(const DataType& a, const DataType& b) {
  int scale = std::max(6, a.scale + b.precision + 1);
  return Adjusted(a.precision - a.scale + b.scale + scale, scale);
}

DataType ModuloType(const DataType& a, const DataType& b) {
  int scale = std::max(a.scale, b.scale);
  return Adjusted(std::min(a.precision - a.scale, b.precision - b.scale) + scale, scale);
}

}  // namespace weir::expression
