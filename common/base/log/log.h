#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

/// `{"job", name}`: the fields of the contract come first: job, task, attempt, checkpoint.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

/// Writes one event as one line to standard error, in one write(2). Text:
/// `2026-01-01T00:00:00.000Z info    job=a attempt=1 message`; JSON: {"ts":…,"level":…,"msg":…,fields}.
/// Thread: thread-safe.
void Write(Level level, std::string_view message, const Fields& fields = {});

/// Takes every event at or above the minimum instead of standard error. Null in production.
inline void (*hook)(Level level, std::string_view message, const Fields& fields) = nullptr;

/// Call before the first thread starts.
void SetFormat(Format format);
void SetMinimumLevel(Level level);

inline void Info(std::string_view message, const Fields& fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warning(std::string_view message, const Fields& fields = {}) {
  Write(Level::kWarning, message, fields);
}
inline void Error(std::string_view message, const Fields& fields = {}) {
  Write(Level::kError, message, fields);
}

/// `"` and control characters escaped, quotes included: a JSON string.
std::string JsonString(std::string_view text);

}  // namespace weir::log
