#include "common/base/log/log.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "common/base/log/audit.h"

namespace weir::log {
namespace {

Format format = Format::kText;
Level minimum = Level::kInfo;

std::string Timestamp() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  const size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + n, sizeof(text) - n, ".%03dZ", static_cast<int>(now.tv_nsec / 1'000'000));
  return text;
}

std::string_view Name(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "?";
}

/// A value with a blank, a quote or a line break is quoted, so that a line can be split again.
std::string TextValue(const std::string& value) {
  if (!value.empty() && value.find_first_of(" \"\n\t=") == std::string::npos) return value;
  return JsonString(value);
}

}  // namespace

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escaped[8];
          std::snprintf(escaped, sizeof(escaped), "\\u%04x", c);
          out += escaped;
        } else {
          out.push_back(c);
        }
    }
  }
  return out + "\"";
}

namespace {

void WriteLine(std::string_view level, std::string_view message, const Fields& fields) {
  std::string line;
  if (format == Format::kJson) {
    line = "{\"ts\":\"" + Timestamp() + "\",\"level\":\"" + std::string(level) + "\"";
    for (const auto& [key, value] : fields) line += "," + JsonString(key) + ":" + JsonString(value);
    line += ",\"msg\":" + JsonString(message) + "}\n";
  } else {
    line = Timestamp() + " " + std::string(level);
    line.resize(line.size() + (8 - level.size()), ' ');
    for (const auto& [key, value] : fields) line += std::string(key) + "=" + TextValue(value) + " ";
    for (const char c : message) line += c == '\n' ? ' ' : c;
    line += "\n";
  }
  // A failed write to standard error has nowhere to be reported.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void Write(Level level, std::string_view message, const Fields& fields) {
  if (level < minimum) return;
  if (hook != nullptr) {
    hook(level, message, fields);
    return;
  }
  WriteLine(Name(level), message, fields);
}

void Audit(std::string_view message, const Fields& fields) { WriteLine("audit", message, fields); }

void SetFormat(Format f) { format = f; }
void SetMinimumLevel(Level level) { minimum = level; }

}  // namespace weir::log
