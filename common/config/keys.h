#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/diagnostics.h"
#include "common/config/value.h"

namespace weir::config {

/// What a key takes.
enum class KeyKind : uint8_t {
  kString,  // any scalar but null
  kEnum,    // one of `choices`
  kInt,
  kBool,
  kDuration,     // `10s`
  kSize,         // `64KiB`
  kRate,         // `20000/s`
  kStringList,   // a string or a list of strings
  kExpressions,  // a map of name to SQL expression (any scalar; not yet typed)
  kMap,          // a map, whatever is in it
  kAny,
};

/// One key of a section of a document: from a list of these come checks, suggestions, defaults and
/// documentation.
struct KeySpec {
  std::string name;
  KeyKind kind = KeyKind::kString;
  bool required = false;
  std::string default_text = {};  // as it would be written; empty: none
  std::vector<std::string> choices = {};
  std::string doc = {};
  std::optional<int64_t> min = {};  // kInt; kDuration in microseconds; kSize in bytes
  std::optional<int64_t> max = {};
};

/// Reads one map of a document by its list of keys.
///
/// Thread:  confined; refers to the document and the keys.
/// Shape:   getters give the value, or the default when the key is absent or wrong (which was
/// reported then). Errors:  Check reports unknown keys (with the nearest name), missing ones, and
/// values of a wrong kind or size.
class Section {
 public:
  /// `what` names the section in messages: `checkpoint`, `source `orders``. `value` null: an empty
  /// map.
  Section(const Value* value, const std::vector<KeySpec>& keys, std::string what, Location location,
          Diagnostics* diagnostics);

  /// `also`: further keys that the user may have meant, for suggestions.
  void Check(const std::vector<std::string>& also = {});

  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  /// Null when absent.
  const Value* Find(std::string_view key) const;
  std::string String(std::string_view key) const;
  int64_t Int(std::string_view key) const;
  bool Bool(std::string_view key) const;
  /// Microseconds, bytes, rows per second.
  int64_t Duration(std::string_view key) const;
  int64_t Size(std::string_view key) const;
  int64_t Rate(std::string_view key) const;
  std::vector<std::string> StringList(std::string_view key) const;
  /// Index into the key's `choices`.
  int Choice(std::string_view key) const;

 private:
  const KeySpec& Spec(std::string_view key) const;
  /// The value if it is of the key's kind, else the default's.
  Value Good(std::string_view key) const;

  const Value* value_;
  const std::vector<KeySpec>& keys_;
  std::string what_;
  Location location_;
  Diagnostics* diagnostics_;
};

/// What is wrong with `value` for that key, as the end of the sentence "`key` must be …"; empty
/// when nothing is.
std::string Mismatch(const KeySpec& key, const Value& value);

std::vector<std::string> NamesOf(const std::vector<KeySpec>& keys);

}  // namespace weir::config
