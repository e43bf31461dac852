#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/batch/batch.h"
#include "common/batch/write_text.h"

namespace weir::batch {
namespace {

/// Reads exactly `digits` digits at `*p`.
bool ReadDigits(std::string_view text, size_t* p, int digits, int* out) {
  if (*p + static_cast<size_t>(digits) > text.size()) return false;
  *out = 0;
  for (int i = 0; i < digits; ++i) {
    const char c = text[(*p)++];
    if (c < '0' || c > '9') return false;
    *out = *out * 10 + (c - '0');
  }
  return true;
}

bool ReadDate(std::string_view text, size_t* p, int64_t* days) {
  int year, month, day;
  if (!ReadDigits(text, p, 4, &year) || *p >= text.size() || text[(*p)++] != '-') return false;
  if (!ReadDigits(text, p, 2, &month) || *p >= text.size() || text[(*p)++] != '-') return false;
  if (!ReadDigits(text, p, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31) return false;
  *days = DaysFromCivil(year, month, day);
  int64_t y;
  int m, d;
  CivilFromDays(*days, &y, &m, &d);
  return m == month && d == day;  // refuses 2026-02-30
}

/// `.fraction`, to microseconds; further digits are cut off.
void ReadFraction(std::string_view text, size_t* p, int64_t* micros) {
  if (*p >= text.size() || text[*p] != '.') return;
  ++*p;
  int64_t unit = 100'000;
  for (; *p < text.size() && text[*p] >= '0' && text[*p] <= '9'; ++*p, unit /= 10) *micros += (text[*p] - '0') * unit;
}

/// `[-]digits[.digits]` of at most 18 digits that needs no rounding: the usual text. Nothing otherwise.
std::optional<Decimal> ParseShortDecimal(std::string_view text, int precision, int scale) {
  const bool negative = !text.empty() && text[0] == '-';
  int64_t value = 0;
  int digits = 0, behind = -1;  // digits behind the point; -1: no point yet
  for (const char c : text.substr(negative ? 1 : 0)) {
    if (c == '.' && behind < 0) {
      behind = 0;
      continue;
    }
    if (c < '0' || c > '9' || digits == 18) return std::nullopt;
    value = value * 10 + (c - '0');
    ++digits;
    if (behind >= 0) ++behind;
  }
  int missing = scale - std::max(behind, 0);
  if (digits == 0 || missing < 0 || digits + missing > 18) return std::nullopt;
  for (; missing > 0; --missing) value *= 10;
  int64_t limit = 1;
  for (int i = 0; i < std::min(precision, 18); ++i) limit *= 10;
  if (value >= limit) return std::nullopt;
  return negative ? -value : value;
}

}  // namespace

int64_t DaysFromCivil(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t yoe = year - era * 400;
  const int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

void CivilFromDays(int64_t days, int64_t* year, int* month, int* day) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t doe = days - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  *day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  *month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  *year = yoe + era * 400 + (*month <= 2);
}

std::string DecimalToString(Decimal value, int scale) {
  char text[kLongestText];
  return {text, WriteDecimal(value, scale, text)};
}

std::optional<Decimal> ParseDecimal(std::string_view text, int precision, int scale) {
  if (const auto value = ParseShortDecimal(text, precision, scale)) return value;
  size_t p = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) ++p;
  std::string digits;
  int point = -1;
  for (; p < text.size() && (text[p] == '.' || (text[p] >= '0' && text[p] <= '9')); ++p) {
    if (text[p] == '.') {
      if (point >= 0) return std::nullopt;
      point = static_cast<int>(digits.size());
    } else {
      digits.push_back(text[p]);
    }
  }
  if (digits.empty()) return std::nullopt;
  if (point < 0) point = static_cast<int>(digits.size());
  if (p < text.size()) {
    if (text[p] != 'e' && text[p] != 'E') return std::nullopt;
    ++p;
    const bool minus = p < text.size() && text[p] == '-';
    if (p < text.size() && (text[p] == '-' || text[p] == '+')) ++p;
    int exponent = 0;
    if (p == text.size()) return std::nullopt;
    for (; p < text.size(); ++p) {
      if (text[p] < '0' || text[p] > '9') return std::nullopt;
      exponent = std::min(exponent * 10 + (text[p] - '0'), 100'000);
    }
    point += minus ? -exponent : exponent;
  }
  const int keep = point + scale;  // digits that stay; the next one rounds
  unsigned __int128 value = 0;
  int significant = 0;
  for (int i = 0; i < keep; ++i) {
    const int digit = i < static_cast<int>(digits.size()) ? digits[i] - '0' : 0;
    if (value != 0 || digit != 0) ++significant;
    if (significant > precision) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(digit);
    if (value == 0 && i >= static_cast<int>(digits.size())) break;  // zero with a large exponent
  }
  if (keep >= 0 && keep < static_cast<int>(digits.size()) && digits[keep] >= '5') {
    ++value;
    unsigned __int128 limit = 1;
    for (int i = 0; i < precision; ++i) limit *= 10;
    if (value >= limit) return std::nullopt;
  }
  const auto result = static_cast<Decimal>(value);
  return negative ? -result : result;
}

std::string DateToString(int32_t days) {
  char text[kLongestText];
  return {text, WriteDate(days, text)};
}

std::string TimestampToString(int64_t micros) {
  char text[kLongestText];
  return {text, WriteTimestamp(micros, ' ', text)};
}

std::optional<int32_t> ParseDate(std::string_view text) {
  size_t p = 0;
  int64_t days;
  if (!ReadDate(text, &p, &days) || p != text.size()) return std::nullopt;
  return static_cast<int32_t>(days);
}

std::optional<int64_t> ParseTimestamp(std::string_view text) {
  size_t p = 0;
  int64_t days;
  if (!ReadDate(text, &p, &days)) return std::nullopt;
  int64_t micros = days * 86'400 * 1'000'000;
  if (p == text.size()) return micros;
  if (text[p] != 'T' && text[p] != 't' && text[p] != ' ') return std::nullopt;
  ++p;
  int hour, minute, second = 0;
  if (!ReadDigits(text, &p, 2, &hour) || p >= text.size() || text[p++] != ':') return std::nullopt;
  if (!ReadDigits(text, &p, 2, &minute) || hour > 23 || minute > 59) return std::nullopt;
  if (p < text.size() && text[p] == ':') {
    ++p;
    if (!ReadDigits(text, &p, 2, &second) || second > 60) return std::nullopt;
  }
  micros += (int64_t{hour} * 3600 + minute * 60 + second) * 1'000'000;
  ReadFraction(text, &p, &micros);
  if (p == text.size()) return micros;
  if ((text[p] == 'Z' || text[p] == 'z') && p + 1 == text.size()) return micros;
  const char sign = text[p++];
  int zone_hour, zone_minute;
  if ((sign != '+' && sign != '-') || !ReadDigits(text, &p, 2, &zone_hour)) return std::nullopt;
  if (p >= text.size() || text[p++] != ':' || !ReadDigits(text, &p, 2, &zone_minute)) return std::nullopt;
  if (p != text.size() || zone_hour > 23 || zone_minute > 59) return std::nullopt;
  const int64_t offset = (int64_t{zone_hour} * 3600 + zone_minute * 60) * 1'000'000;
  return sign == '+' ? micros - offset : micros + offset;
}

std::string ValueToString(const Column& column, int64_t row) {
  if (column.IsNull(row)) return "NULL";
  switch (column.type().kind) {
    case TypeKind::kBoolean: return column.at<uint8_t>(row) ? "true" : "false";
    case TypeKind::kInt: return absl::StrCat(column.at<int32_t>(row));
    case TypeKind::kBigint: return absl::StrCat(column.at<int64_t>(row));
    case TypeKind::kDouble: {
      const double v = column.at<double>(row);
      char text[40];
      for (int digits = 15; digits <= 17; ++digits) {
        std::snprintf(text, sizeof(text), "%.*g", digits, v);
        if (std::strtod(text, nullptr) == v) break;
      }
      return text;
    }
    case TypeKind::kDecimal: return DecimalToString(column.at<Decimal>(row), column.type().scale);
    case TypeKind::kString:
    case TypeKind::kBytes: return std::string(column.text(row));
    case TypeKind::kTimestamp: return TimestampToString(column.at<int64_t>(row));
    case TypeKind::kDate: return DateToString(column.at<int32_t>(row));
  }
  return "";
}

std::string RowToString(const Batch& batch, int64_t row) {
  std::string out = "{";
  for (int c = 0; c < batch.schema->size(); ++c) {
    if (c > 0) out += ", ";
    const Column& column = batch.columns[c];
    const bool quoted = IsVariable(column.type().kind) && !column.IsNull(row);
    absl::StrAppend(&out, batch.schema->fields[c].name, ": ", quoted ? "\"" : "", ValueToString(column, row),
                    quoted ? "\"" : "");
  }
  return out + "}";
}

}  // namespace weir::batch
