#pragma once

#include <cstdint>
#include <string>

#include "common/batch/types.h"

namespace weir::expression {

using Unsigned128 = unsigned __int128;

/// 10^n for 0 <= n <= 38.
batch::Decimal PowerOfTen(int n);
inline batch::Decimal Magnitude(batch::Decimal value) { return value < 0 ? -value : value; }
/// Whether the value has at most `precision` digits.
inline bool FitsPrecision(batch::Decimal value, int precision) {
  return Magnitude(value) < PowerOfTen(precision);
}

/// The exact operations below compute in 256 bits, so that nothing is lost before the result is
/// rounded (half away from zero) to `scale`. All return false when the result has more than
/// `precision` digits. `as`, `bs`: the scales of a, b; |a|, |b| < 10^38.
bool AddDecimals(batch::Decimal a, int as, batch::Decimal b, int bs, int precision, int scale,
                 batch::Decimal* out);
bool MultiplyDecimals(batch::Decimal a, int as, batch::Decimal b, int bs, int precision, int scale,
                      batch::Decimal* out);
/// b is not 0.
bool DivideDecimals(batch::Decimal a, int as, batch::Decimal b, int bs, int precision, int scale,
                    batch::Decimal* out);
/// a from scale `from` to `scale`.
bool RescaleDecimal(batch::Decimal a, int from, int precision, int scale, batch::Decimal* out);
/// -1, 0, 1 as a <, =, > b.
int CompareDecimals(batch::Decimal a, int as, batch::Decimal b, int bs);
/// value / 10^n, half away from zero; n >= 0.
batch::Decimal DivideByPowerOfTen(batch::Decimal value, int n);
/// The nearest double.
double DecimalToDouble(batch::Decimal value, int scale);
/// Half away from zero; false on NaN, infinity and too many digits. The double counts as its
/// shortest decimal text, so that 1.005 rounds to 1.01.
bool DoubleToDecimal(double value, int precision, int scale, batch::Decimal* out);

/// Result types as in Flink (SQL Server's rules): precision over 38 takes digits from behind the
/// point, down to 6.
batch::DataType AddType(const batch::DataType& a, const batch::DataType& b);
batch::DataType MultiplyType(const batch::DataType& a, const batch::DataType& b);
batch::DataType DivideType(const batch::DataType& a, const batch::DataType& b);
batch::DataType ModuloType(const batch::DataType& a, const batch::DataType& b);

}  // namespace weir::expression
