#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::client {

/// `1234567` as `1 234 567`.
std::string FormatCount(int64_t count);
/// Rows per second: `812/s`, `45.2 k/s`, `2.51 M/s`.
std::string FormatRate(double per_second);
/// `512 B`, `1.2 MiB`.
std::string FormatBytes(int64_t bytes);
/// `12 ms`, `1.2 s`, `3 min 5 s`, `2 h 5 min`, `3 d 4 h`.
std::string FormatDuration(int64_t millis);
/// `2026-01-31 09:05:00Z`; `-` for 0.
std::string FormatTime(int64_t epoch_millis);

/// Lines of cells under a header, each column as wide as its widest cell; two blanks between
/// columns. Units: widths count code points, so that names beyond ASCII line up.
std::string FormatTable(const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows);

}  // namespace weir::client
