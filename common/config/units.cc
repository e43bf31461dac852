#include "common/config/units.h"

#include <limits>

#include "absl/strings/str_cat.h"

namespace weir::config {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr Unit kDurations[] = {{"us", 1},         {"ms", 1000},         {"s", 1'000'000},
                               {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}};
constexpr Unit kSizes[] = {
    {"B", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}, {"TiB", 1LL << 40}};

/// Digits at the front of `text`; what follows stays in `rest`.
std::optional<int64_t> Digits(std::string_view text, std::string_view* rest) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  int64_t value = 0;
  size_t i = 0;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    const int digit = text[i] - '0';
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (i == 0) return std::nullopt;
  *rest = text.substr(i);
  return value;
}

template <size_t N>
std::optional<int64_t> Parse(std::string_view text, const Unit (&units)[N]) {
  std::string_view rest;
  const std::optional<int64_t> number = Digits(text, &rest);
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != rest) continue;
    if (*number > std::numeric_limits<int64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

template <size_t N>
std::string Format(int64_t value, const Unit (&units)[N]) {
  const Unit* best = &units[0];
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) best = &unit;
  }
  return absl::StrCat(value / best->factor,
                      absl::string_view(best->name.data(), best->name.size()));
}

}  // namespace

std::optional<int64_t> ParseDuration(std::string_view text) { return Parse(text, kDurations); }
std::optional<int64_t> ParseSize(std::string_view text) { return Parse(text, kSizes); }

std::optional<int64_t> ParseRate(std::string_view text) {
  std::string_view rest;
  const std::optional<int64_t> number = Digits(text, &rest);
  if (!number || rest != "/s" || *number < 1) return std::nullopt;
  return number;
}

std::string DurationText(int64_t micros) { return micros == 0 ? "0s" : Format(micros, kDurations); }
std::string SizeText(int64_t bytes) { return Format(bytes, kSizes); }

}  // namespace weir::config
