#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"

namespace weir::trace {

/// What happened in a run: a hash of all of it, which is the same for the same seed, and lines for who wants to read.
/// Thread: confined.
class Trace {
 public:
  /// Lines go to `out` from now on: `[   1.234567] tm-2/task-0-0 event values…`. Null: only the hash is kept.
  void PrintTo(std::FILE* out) { out_ = out; }
  bool printing() const { return out_ != nullptr; }

  template <typename... Values>
  void Event(SteadyMicros now, std::string_view who, std::string_view event, const Values&... values) {
    Mix(static_cast<uint64_t>(now));
    Mix(who);
    Mix(event);
    (Mix(values), ...);
    if (out_ != nullptr) {
      std::string text(event);
      ((text += ' ', Append(text, values)), ...);
      Print(now, who, text);
    }
  }
  /// More of the event before, for people only.
  void Note(std::string_view text) const;
  void Mix(std::string_view text);
  void Mix(const std::string& text) { Mix(std::string_view(text)); }
  void Mix(const char* text) { Mix(std::string_view(text)); }
  template <typename Number>
    requires std::is_integral_v<Number> || std::is_enum_v<Number>
  void Mix(Number number) {
    hash_ = (hash_ ^ static_cast<uint64_t>(number)) * 0x9fb21c651e98df25ULL;
    hash_ ^= hash_ >> 29;
  }
  uint64_t hash() const { return hash_; }

 private:
  static void Append(std::string& text, std::string_view value) { text.append(value); }
  static void Append(std::string& text, const std::string& value) { text += value; }
  static void Append(std::string& text, const char* value) { text += value; }
  template <typename Number>
    requires std::is_integral_v<Number> || std::is_enum_v<Number>
  static void Append(std::string& text, Number value) {
    if constexpr (std::is_enum_v<Number>) {
      absl::StrAppend(&text, static_cast<int64_t>(value));
    } else {
      absl::StrAppend(&text, value);
    }
  }
  void Print(SteadyMicros now, std::string_view who, const std::string& text) const;

  std::FILE* out_ = nullptr;
  uint64_t hash_ = 0x243f6a8885a308d3ULL;
};

}  // namespace weir::trace
