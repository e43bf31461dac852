// Values as text against the plain way to write them.
#include "common/batch/write_text.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>

#include "common/base/rng.h"
#include "common/batch/batch.h"

namespace weir::batch {
namespace {

std::string Plain(Decimal value, int scale) {
  std::string digits;
  for (Decimal rest = value; rest != 0 || static_cast<int>(digits.size()) <= scale; rest /= 10) {
    const auto digit = static_cast<int>(rest % 10);
    digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
  }
  if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  return (value < 0 ? "-" : "") + digits;
}

std::string Date(int64_t days) {
  int64_t year;
  int month, day;
  CivilFromDays(days, &year, &month, &day);
  char text[64];
  std::snprintf(text, sizeof(text), "%04lld-%02d-%02d", static_cast<long long>(year), month, day);
  return text;
}

TEST_CASE("decimals of all sizes and scales", "[text]") {
  Rng rng(1);
  for (int round = 0; round < 4000; ++round) {
    auto value = static_cast<Decimal>((static_cast<unsigned __int128>(rng.Next()) << 64) | rng.Next());
    value >>= rng.Below(127);
    if (rng.Below(4) == 0) value = 0;
    const auto scale = static_cast<int>(rng.Below(39));
    char text[kLongestText];
    char* const end = WriteDecimal(value, scale, text);
    REQUIRE(end <= text + kLongestText);
    REQUIRE(std::string(text, end) == Plain(value, scale));
  }
  Decimal most = 1;
  for (int i = 0; i < 38; ++i) most *= 10;
  CHECK(DecimalToString(most - 1, 0) == std::string(38, '9'));
  CHECK(DecimalToString(1 - most, 38) == "-0." + std::string(38, '9'));
  CHECK(DecimalToString(Decimal{1'000'000'000'000'000'000} * 100, 0) == "1" + std::string(20, '0'));
}

TEST_CASE("what was written is read again, short or long", "[text]") {
  Rng rng(3);
  for (int round = 0; round < 4000; ++round) {
    const auto scale = static_cast<int>(rng.Below(20));
    const auto value = static_cast<Decimal>(static_cast<int64_t>(rng.Next()) >> rng.Below(64));
    const std::string text = DecimalToString(value, scale);
    REQUIRE(ParseDecimal(text, 38, scale) == value);
    REQUIRE(ParseDecimal(text + "e0", 38, scale) == value);  // the long way
    const auto precision = 1 + static_cast<int>(rng.Below(38));
    REQUIRE(ParseDecimal(text, precision, scale) == ParseDecimal(text + "e0", precision, scale));
    const auto narrow = static_cast<int>(rng.Below(20));
    REQUIRE(ParseDecimal(text, precision, narrow) == ParseDecimal(text + "e0", precision, narrow));
  }
  for (const char* bad : {"", "-", ".", "-.", "1.2.3", "1-", "--1", " 1", "1 "}) {
    INFO(bad);
    CHECK_FALSE(ParseDecimal(bad, 10, 2).has_value());
  }
  CHECK(ParseDecimal(".5", 10, 2) == 50);
  CHECK(ParseDecimal("5.", 10, 2) == 500);
}

TEST_CASE("dates and times of all years", "[text]") {
  Rng rng(2);
  for (int round = 0; round < 4000; ++round) {
    const auto days = static_cast<int32_t>(static_cast<int64_t>(rng.Next()) >> (32 + rng.Below(24)));
    REQUIRE(DateToString(days) == Date(days));
    const int64_t micros = static_cast<int64_t>(rng.Next()) >> rng.Below(40);
    const std::string text = TimestampToString(micros);
    const size_t space = text.find(' ');
    int hour, minute, second, fraction = 0;
    const int read = std::sscanf(text.c_str() + space, " %2d:%2d:%2d.%6d", &hour, &minute, &second, &fraction);
    REQUIRE(read >= 3);
    if (read == 4 && text.size() - text.find('.') == 4) fraction *= 1000;
    constexpr int64_t kDay = int64_t{86'400'000} * 1000;
    const int64_t of_day = ((hour * int64_t{60} + minute) * 60 + second) * 1'000'000 + fraction;
    REQUIRE((micros - of_day) % kDay == 0);
    REQUIRE(text.substr(0, space) == Date((micros - of_day) / kDay));
  }
  CHECK(TimestampToString(1'000) == "1970-01-01 00:00:00.001");
  CHECK(TimestampToString(10) == "1970-01-01 00:00:00.000010");
}

}  // namespace
}  // namespace weir::batch
