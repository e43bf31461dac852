#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::config {

/// `250ms 10s 1m 2h 7d`, also `500us`; a whole number and a unit. Microseconds. Nothing on other
/// text or overflow.
std::optional<int64_t> ParseDuration(std::string_view text);
/// `512B 64KiB 256MiB 4GiB 1TiB`. Bytes.
std::optional<int64_t> ParseSize(std::string_view text);
/// `20000/s`, at least 1. Rows per second.
std::optional<int64_t> ParseRate(std::string_view text);

/// The shortest text that ParseDuration reads back: `90s`, `1m`, `0s`.
std::string DurationText(int64_t micros);
/// As ParseSize reads it back where it is a whole number of units.
std::string SizeText(int64_t bytes);

}  // namespace weir::config
