#include "client/terminal/format.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::client {
namespace {

size_t CodePoints(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string FormatCount(int64_t count) {
  std::string digits = absl::StrCat(count);
  const size_t first = count < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ' ');
  }
  return digits;
}

std::string FormatRate(double per_second) {
  if (!(per_second > 0)) return "0/s";
  if (per_second < 1000) return absl::StrFormat("%.0f/s", per_second);
  if (per_second < 1e6) return absl::StrFormat("%.1f k/s", per_second / 1e3);
  return absl::StrFormat("%.2f M/s", per_second / 1e6);
}

std::string FormatBytes(int64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes) / 1024;
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatDuration(int64_t millis) {
  if (millis < 1000) return absl::StrCat(std::max<int64_t>(millis, 0), " ms");
  if (millis < 60'000) return absl::StrFormat("%.1f s", static_cast<double>(millis / 100) / 10);
  const int64_t seconds = millis / 1000;
  if (seconds < 3600) return absl::StrCat(seconds / 60, " min ", seconds % 60, " s");
  if (seconds < 86'400) return absl::StrCat(seconds / 3600, " h ", seconds % 3600 / 60, " min");
  return absl::StrCat(seconds / 86'400, " d ", seconds % 86'400 / 3600, " h");
}

std::string FormatTime(int64_t epoch_millis) {
  if (epoch_millis == 0) return "-";
  const std::time_t seconds = static_cast<std::time_t>(epoch_millis / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &utc);
  return text;
}

std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(header.size());
  auto widen = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], CodePoints(cells[i]));
  };
  widen(header);
  for (const auto& row : rows) widen(row);
  std::string text;
  auto print = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      text += cells[i];
      if (i + 1 < cells.size()) text.append(widths[i] - CodePoints(cells[i]) + 2, ' ');
    }
    text += '\n';
  };
  print(header);
  for (const auto& row : rows) print(row);
  return text;
}

}  // namespace weir::client
