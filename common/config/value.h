#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::config {

/// A place in a document: 1-based line and column (in bytes). Line 0: not known.
struct Location {
  int32_t line = 0;
  int32_t column = 0;
  friend bool operator==(const Location&, const Location&) = default;
};

struct MapEntry;

/// A node of a document: scalars typed by YAML's core schema, lists, maps in the order of the
/// document.
///
/// Thread:  a value.
/// Shape:   `text` is a scalar's text as written, without quotes (for every scalar kind, so that
/// `n: 5` can be read as
///          the expression `5`); `items` of a list; `entries` of a map, keys as written, duplicates
///          already reported.
struct Value {
  enum class Kind : uint8_t {
    kNull = 0,
    kBool = 1,
    kInt = 2,
    kDouble = 3,
    kString = 4,
    kList = 5,
    kMap = 6
  };

  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;
  double number = 0;  // also of a kInt
  std::string text;
  bool quoted =
      false;  // in quotes or a block in the document: stays a string whatever is expanded in it
  std::vector<Value> items;
  std::vector<MapEntry> entries;
  Location location;

  static Value String(std::string text);
  static Value Int(int64_t value);
  static Value Bool(bool value);
  static Value List(std::vector<Value> items);
  static Value Map(std::vector<MapEntry> entries);
  /// A scalar as YAML's core schema reads plain text: null, true, 17, 1.5, else a string.
  static Value Plain(std::string_view text);

  bool is_scalar() const { return kind <= Kind::kString; }
  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  /// The value of a map's key, null when there is none (or this is no map).
  const Value* Find(std::string_view key) const;
  /// Equal but for places.
  friend bool operator==(const Value& a, const Value& b);
};

struct MapEntry {
  std::string key;
  Location key_location;
  Value value;
};

/// `a string`, `a list`, …: for messages.
std::string_view Describe(Value::Kind kind);

}  // namespace weir::config
