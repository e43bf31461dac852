#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/expression/ast.h"

namespace weir::expression {

inline constexpr int64_t kSecondMicros = 1'000'000;
inline constexpr int64_t kMinuteMicros = 60 * kSecondMicros;
inline constexpr int64_t kHourMicros = 60 * kMinuteMicros;
inline constexpr int64_t kDayLength = 24 * kHourMicros;

/// Rounds towards minus infinity, so that times before 1970 work.
constexpr int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
}

/// A point in time taken apart (UTC, proleptic Gregorian calendar).
struct Civil {
  int64_t days = 0;  // since 1970-01-01
  int64_t year = 1970;
  int month = 1;
  int day = 1;
  int64_t micros = 0;  // of the day

  int hour() const { return static_cast<int>(micros / kHourMicros); }
  int minute() const { return static_cast<int>(micros / kMinuteMicros % 60); }
  int second() const { return static_cast<int>(micros / kSecondMicros % 60); }
  int fraction() const { return static_cast<int>(micros % kSecondMicros); }  // microseconds
  /// 1 = Monday … 7 = Sunday.
  int iso_weekday() const {
    return static_cast<int>((days + 3) - FloorDivide(days + 3, 7) * 7) + 1;
  }
  int day_of_year() const;
  /// ISO 8601 week and the year it belongs to.
  void IsoWeek(int64_t* year, int* week) const;
};
Civil CivilOf(int64_t micros);
int DaysInMonth(int64_t year, int month);

/// micros + months + micros; the day is cut to the month's last. Nothing on overflow.
std::optional<int64_t> AddInterval(int64_t micros, const Interval& interval);

/// A pattern of letters as in Java's DateTimeFormatter (yyyy MM dd HH mm ss SSS …), ready to write
/// and read times. Thread: immutable.
class TimePattern {
 public:
  /// `*problem` says which letter is not known.
  static std::optional<TimePattern> Make(std::string_view pattern, std::string* problem);
  void Format(int64_t micros, std::string* out) const;
  /// Times within one `unit()` of microseconds, counted from 1970, have the same text.
  int64_t unit() const;
  /// Fields that the pattern lacks are those of 1970-01-01 00:00:00. Nothing when the text does not
  /// match.
  std::optional<int64_t> Parse(std::string_view text) const;

 private:
  struct Part {
    char letter = 0;  // 0: `text` as it stands
    int count = 0;
    std::string text;
  };
  std::vector<Part> parts_;
};

}  // namespace weir::expression
