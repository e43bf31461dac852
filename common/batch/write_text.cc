#include "common/batch/write_text.h"

#include <cstdio>
#include <cstring>

#include "common/batch/batch.h"

namespace weir::batch {
namespace {

char* TwoDigits(int value, char* out) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
  return out + 2;
}

char* ThreeDigits(int value, char* out) {
  *out = static_cast<char>('0' + value / 100);
  return TwoDigits(value % 100, out + 1);
}

}  // namespace

char* WriteDecimal(Decimal value, int scale, char* out) {
  auto magnitude = static_cast<unsigned __int128>(value);
  if (value < 0) {
    magnitude = -magnitude;
    *out++ = '-';
  }
  // Digits from the last one on; 128-bit division only while it is needed.
  char digits[48];
  char* const end = digits + sizeof(digits);
  char* p = end;
  while (magnitude > UINT64_MAX) {
    auto low = static_cast<uint64_t>(magnitude % 1'000'000'000'000'000'000u);
    magnitude /= 1'000'000'000'000'000'000u;
    for (int i = 0; i < 18; ++i, low /= 10) *--p = static_cast<char>('0' + low % 10);
  }
  for (auto low = static_cast<uint64_t>(magnitude); low != 0; low /= 10) *--p = static_cast<char>('0' + low % 10);
  while (end - p <= scale) *--p = '0';
  const auto whole = static_cast<size_t>(end - p - scale);
  std::memcpy(out, p, whole);
  out += whole;
  if (scale == 0) return out;
  *out++ = '.';
  std::memcpy(out, p + whole, static_cast<size_t>(scale));
  return out + scale;
}

char* WriteDate(int32_t days, char* out) {
  int64_t year;
  int month, day;
  CivilFromDays(days, &year, &month, &day);
  if (year >= 0 && year <= 9999) {
    out = TwoDigits(static_cast<int>(year / 100), out);
    out = TwoDigits(static_cast<int>(year % 100), out);
  } else {
    out += std::snprintf(out, 24, "%04lld", static_cast<long long>(year));
  }
  *out++ = '-';
  out = TwoDigits(month, out);
  *out++ = '-';
  return TwoDigits(day, out);
}

char* WriteTimestamp(int64_t micros, char separator, char* out) {
  constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
  int64_t days = micros / kDay, rest = micros % kDay;  // days * kDay may not fit where the first day begins
  if (rest < 0) {
    --days;
    rest += kDay;
  }
  out = WriteDate(static_cast<int32_t>(days), out);
  const auto seconds = static_cast<int>(rest / 1'000'000);
  *out++ = separator;
  out = TwoDigits(seconds / 3600, out);
  *out++ = ':';
  out = TwoDigits(seconds / 60 % 60, out);
  *out++ = ':';
  out = TwoDigits(seconds % 60, out);
  if (const auto fraction = static_cast<int>(rest % 1'000'000); fraction != 0) {
    *out++ = '.';
    out = ThreeDigits(fraction / 1000, out);
    if (fraction % 1000 != 0) out = ThreeDigits(fraction % 1000, out);
  }
  return out;
}

}  // namespace weir::batch
