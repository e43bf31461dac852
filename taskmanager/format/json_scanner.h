#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "taskmanager/format/json_paths.h"
#include "taskmanager/format/row_builder.h"

namespace weir::taskmanager {

/// What one look at the bytes of a line says.
struct LineShape {
  const char* end = nullptr;   // behind the last byte of the line, '\n' excluded; null: no line end before `limit`
  const char* next = nullptr;  // the next line
  bool plain = false;          // only printable ASCII, no backslash: every quote begins or ends a string
};

/// Looks for the end of the line at `p`. 16 bytes behind `limit` must be readable.
LineShape FindLine(const char* p, const char* limit);

/// Whether the bytes have neither control characters nor backslashes. If they are UTF-8 too, they may be scanned as a
/// plain line: no byte of a longer character looks like ASCII.
bool IsUnescaped(const char* p, const char* end);

/// Reads the ordinary JSON lines of machines: flat or nested objects without escapes, in one pass over the bytes.
///
/// Thread:  confined: it remembers the order of keys of the row before, which is nearly always that of the next.
/// Shape:   what it accepts depends on the line alone, and is a part of what JsonDecoder's simdjson path accepts,
/// with
///          the same values; whatever is unusual (escapes, errors, repeated keys) it leaves to that.
/// Why:     simdjson builds an index of each line first: 250 ns for the rows of tests/bench/decode_bench.cc, this
/// takes 60.
class JsonScanner {
 public:
  /// `paths` must outlive it.
  explicit JsonScanner(const JsonPaths* paths);

  /// Sets the columns of one row from the plain line [p, end); the byte at `end` is a line end or zero.
  /// False: read it by other means.
  bool Scan(const char* p, const char* end, RowBuilder& rows);

 private:
  /// A key as it stands in the input, with the quote behind it.
  struct Expected {
    alignas(16) char prefix[16] = {};
    uint32_t mask = 0;                    // bits of the bytes of `prefix` that count
    std::string text;                     // the whole
    const JsonPaths::Key* key = nullptr;  // null: nobody wants it
  };
  static constexpr size_t kRemembered = 64;  // keys of one object

  static bool Matches(const Expected& expected, const char* p, const char* end);
  const JsonPaths::Key* LearnKey(int object, size_t index, const char* p, const char* quote);
  /// From behind `{` to behind `}`; null: unusual.
  const char* ScanObject(const char* p, const char* end, int object, RowBuilder& rows);
  const char* ScanValue(const char* p, const char* end, int column, RowBuilder& rows);

  const JsonPaths* paths_;
  std::vector<std::vector<Expected>> expected_;  // by object
};

}  // namespace weir::taskmanager
