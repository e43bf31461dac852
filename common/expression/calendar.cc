#include "common/expression/calendar.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "absl/strings/str_cat.h"
#include "common/batch/batch.h"

namespace weir::expression {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                   "Friday", "Saturday", "Sunday"};

void AppendPadded(int64_t value, int width, std::string* out) {
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value < 0 ? -value : value).ptr;
  if (value < 0) out->push_back('-');
  if (const auto size = static_cast<int>(end - digits); size < width)
    out->append(static_cast<size_t>(width - size), '0');
  out->append(digits, static_cast<size_t>(end - digits));
}

}  // namespace

Civil CivilOf(int64_t micros) {
  Civil civil;
  civil.days = FloorDivide(micros, kDayLength);
  civil.micros = micros % kDayLength;  // days * kDayLength may not fit where the first day begins
  if (civil.micros < 0) civil.micros += kDayLength;
  batch::CivilFromDays(civil.days, &civil.year, &civil.month, &civil.day);
  return civil;
}

int Civil::day_of_year() const {
  return static_cast<int>(days - batch::DaysFromCivil(year, 1, 1)) + 1;
}

void Civil::IsoWeek(int64_t* iso_year, int* week) const {
  // The week belongs to the year of its Thursday.
  int64_t thursday = days - iso_weekday() + 4;
  int month_of, day_of;
  batch::CivilFromDays(thursday, iso_year, &month_of, &day_of);
  *week = static_cast<int>((thursday - batch::DaysFromCivil(*iso_year, 1, 1)) / 7) + 1;
}

int DaysInMonth(int64_t year, int month) {
  static constexpr std::array<int, 12> kLengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kLengths[static_cast<size_t>(month - 1)];
}

std::optional<int64_t> AddInterval(int64_t micros, const Interval& interval) {
  if (interval.months != 0) {
    Civil civil = CivilOf(micros);
    int64_t months = civil.year * 12 + (civil.month - 1) + interval.months;
    int64_t year = FloorDivide(months, 12);
    int month = static_cast<int>(months - year * 12) + 1;
    int64_t days = batch::DaysFromCivil(year, month, std::min(civil.day, DaysInMonth(year, month)));
    if (__builtin_mul_overflow(days, kDayLength, &micros) ||
        __builtin_add_overflow(micros, civil.micros, &micros))
      return std::nullopt;
  }
  if (__builtin_add_overflow(micros, interval.micros, &micros)) return std::nullopt;
  return micros;
}

std::optional<TimePattern> TimePattern::Make(std::string_view pattern, std::string* problem) {
  constexpr std::string_view kLetters = "yuMdDHhkKmsSaEX";
  TimePattern out;
  auto literal = [&out](std::string_view text) {
    if (out.parts_.empty() || out.parts_.back().letter != 0) out.parts_.push_back({});
    out.parts_.back().text.append(text);
  };
  for (size_t i = 0; i < pattern.size();) {
    char c = pattern[i];
    if (c == '\'') {
      size_t end = pattern.find('\'', i + 1);
      if (end == std::string_view::npos)
        return *problem = "a quote in the pattern is not closed", std::nullopt;
      literal(end == i + 1 ? "'" : pattern.substr(i + 1, end - i - 1));
      i = end + 1;
      continue;
    }
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter) {
      literal(pattern.substr(i++, 1));
      continue;
    }
    size_t end = pattern.find_first_not_of(c, i);
    size_t count = (end == std::string_view::npos ? pattern.size() : end) - i;
    if (kLetters.find(c) == std::string_view::npos || count > 9) {
      *problem = absl::StrCat("`", std::string(pattern.substr(i, std::min<size_t>(count, 20))),
                              "` means nothing in a time pattern; there are yyyy MM dd HH hh mm ss "
                              "SSS a E D X, other text stands in quotes");
      return std::nullopt;
    }
    out.parts_.push_back({c, static_cast<int>(count), ""});
    i += count;
  }
  return out;
}

int64_t TimePattern::unit() const {
  int64_t unit = kDayLength;
  for (const Part& part : parts_) {
    switch (part.letter) {
      case 'S':
        return 1;
      case 's':
        unit = std::min(unit, kSecondMicros);
        break;
      case 'm':
        unit = std::min(unit, kMinuteMicros);
        break;
      case 'H':
      case 'h':
      case 'k':
      case 'K':
      case 'a':
        unit = std::min(unit, kHourMicros);
        break;
      default:
        break;
    }
  }
  return unit;
}

void TimePattern::Format(int64_t micros, std::string* out) const {
  const Civil civil = CivilOf(micros);
  for (const Part& part : parts_) {
    switch (part.letter) {
      case 'y':
      case 'u':
        if (part.count == 2) {
          AppendPadded(((civil.year % 100) + 100) % 100, 2, out);
        } else {
          AppendPadded(civil.year, part.count, out);
        }
        break;
      case 'M':
        if (part.count >= 3) {
          out->append(kMonths[static_cast<size_t>(civil.month - 1)].substr(
              0, part.count == 3 ? 3 : std::string_view::npos));
        } else {
          AppendPadded(civil.month, part.count, out);
        }
        break;
      case 'd':
        AppendPadded(civil.day, part.count, out);
        break;
      case 'D':
        AppendPadded(civil.day_of_year(), part.count, out);
        break;
      case 'H':
        AppendPadded(civil.hour(), part.count, out);
        break;
      case 'k':
        AppendPadded(civil.hour() == 0 ? 24 : civil.hour(), part.count, out);
        break;
      case 'K':
        AppendPadded(civil.hour() % 12, part.count, out);
        break;
      case 'h':
        AppendPadded(civil.hour() % 12 == 0 ? 12 : civil.hour() % 12, part.count, out);
        break;
      case 'm':
        AppendPadded(civil.minute(), part.count, out);
        break;
      case 's':
        AppendPadded(civil.second(), part.count, out);
        break;
      case 'S': {
        std::string digits;
        AppendPadded(civil.fraction(), 6, &digits);
        digits.append("000");
        out->append(digits, 0, static_cast<size_t>(part.count));
        break;
      }
      case 'a':
        out->append(civil.hour() < 12 ? "AM" : "PM");
        break;
      case 'E':
        out->append(kDays[static_cast<size_t>(civil.iso_weekday() - 1)].substr(
            0, part.count <= 3 ? 3 : std::string_view::npos));
        break;
      case 'X':
        out->append("Z");
        break;
      default:
        out->append(part.text);
        break;
    }
  }
}

std::optional<int64_t> TimePattern::Parse(std::string_view text) const {
  int64_t year = 1970, fraction = 0, offset = 0;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0, day_of_year = 0;
  int afternoon = -1;
  bool twelve = false;
  size_t at = 0;
  // Two and more letters: exactly so many digits. One letter, or a field nothing else bounds: as
  // many as there are.
  auto number = [&](int count, int most, int64_t* value) {
    size_t from = at;
    *value = 0;
    size_t limit = static_cast<size_t>(count == 1 ? most : count);
    while (at < text.size() && at - from < limit && text[at] >= '0' && text[at] <= '9')
      *value = *value * 10 + (text[at++] - '0');
    return at > from && (count == 1 || at - from == static_cast<size_t>(count));
  };
  auto word = [&](auto const& words, size_t cut, int* index) {
    for (size_t i = 0; i < words.size(); ++i) {
      std::string_view name = words[i].substr(0, cut);
      if (text.substr(at, name.size()) == name) {
        at += name.size();
        *index = static_cast<int>(i) + 1;
        return true;
      }
    }
    return false;
  };
  for (const Part& part : parts_) {
    int64_t value = 0;
    int weekday;
    switch (part.letter) {
      case 'y':
      case 'u':
        if (!number(part.count, 9, &value)) return std::nullopt;
        year = part.count == 2 ? 2000 + value : value;
        break;
      case 'M':
        if (part.count >= 3) {
          if (!word(kMonths, part.count == 3 ? 3 : std::string_view::npos, &month))
            return std::nullopt;
          break;
        }
        if (!number(part.count, 2, &value)) return std::nullopt;
        month = static_cast<int>(value);
        break;
      case 'd':
        if (!number(part.count, 2, &value)) return std::nullopt;
        day = static_cast<int>(value);
        break;
      case 'D':
        if (!number(part.count, 3, &value)) return std::nullopt;
        day_of_year = static_cast<int>(value);
        if (day_of_year < 1 || day_of_year > 366) return std::nullopt;
        break;
      case 'H':
      case 'k':
      case 'K':
      case 'h':
        if (!number(part.count, 2, &value)) return std::nullopt;
        hour = static_cast<int>(part.letter == 'k' ? value % 24 : value);
        twelve = part.letter == 'h' || part.letter == 'K';
        if (twelve && value > 12) return std::nullopt;
        break;
      case 'm':
        if (!number(part.count, 2, &value)) return std::nullopt;
        minute = static_cast<int>(value);
        break;
      case 's':
        if (!number(part.count, 2, &value)) return std::nullopt;
        second = static_cast<int>(value);
        break;
      case 'S': {
        size_t from = at;
        if (!number(part.count, 9, &fraction)) return std::nullopt;
        for (size_t digits = at - from; digits < 6; ++digits) fraction *= 10;
        for (size_t digits = at - from; digits > 6; --digits) fraction /= 10;
        break;
      }
      case 'a': {
        std::string_view half = text.substr(at, 2);
        if (half == "AM" || half == "am")
          afternoon = 0;
        else if (half == "PM" || half == "pm")
          afternoon = 1;
        else
          return std::nullopt;
        at += 2;
        break;
      }
      case 'E':
        if (!word(kDays, part.count <= 3 ? 3 : std::string_view::npos, &weekday))
          return std::nullopt;
        break;
      case 'X': {
        if (text.substr(at, 1) == "Z") {
          ++at;
          break;
        }
        char sign = at < text.size() ? text[at] : '\0';
        int64_t hours = 0, minutes = 0;
        if (sign != '+' && sign != '-') return std::nullopt;
        ++at;
        if (!number(2, 2, &hours)) return std::nullopt;
        if (text.substr(at, 1) == ":") ++at;
        if (at < text.size() && text[at] >= '0' && text[at] <= '9' && !number(2, 2, &minutes))
          return std::nullopt;
        offset = (hours * 60 + minutes) * kMinuteMicros * (sign == '-' ? -1 : 1);
        break;
      }
      default:
        if (text.substr(at, part.text.size()) != part.text) return std::nullopt;
        at += part.text.size();
    }
  }
  if (at != text.size()) return std::nullopt;
  if (twelve) hour = hour % 12 + (afternoon == 1 ? 12 : 0);
  if (year > 200'000 || month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month) ||
      hour > 23 || minute > 59 || second > 59) {
    return std::nullopt;
  }
  int64_t days = day_of_year > 0 ? batch::DaysFromCivil(year, 1, 1) + day_of_year - 1
                                 : batch::DaysFromCivil(year, month, day);
  return days * kDayLength + hour * kHourMicros + minute * kMinuteMicros + second * kSecondMicros +
         fraction - offset;
}

}  // namespace weir::expression
