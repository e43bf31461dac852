#include "common/config/value.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace weir::config {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool LooksLikeNumber(std::string_view text) {
  size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  bool digit = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      digit = true;
    } else if (c == 'e' || c == 'E') {
      if (!digit) return false;
    } else if (c == '+' || c == '-') {
      if (text[i - 1] != 'e' && text[i - 1] != 'E') return false;
    } else if (c != '.') {
      return false;
    }
  }
  return digit;
}

}  // namespace

Value Value::String(std::string text) {
  Value value;
  value.kind = Kind::kString;
  value.text = std::move(text);
  return value;
}

Value Value::Int(int64_t integer) {
  Value value;
  value.kind = Kind::kInt;
  value.integer = integer;
  value.number = static_cast<double>(integer);
  value.text = absl::StrCat(integer);
  return value;
}

Value Value::Bool(bool boolean) {
  Value value;
  value.kind = Kind::kBool;
  value.boolean = boolean;
  value.text = boolean ? "true" : "false";
  return value;
}

Value Value::List(std::vector<Value> items) {
  Value value;
  value.kind = Kind::kList;
  value.items = std::move(items);
  return value;
}

Value Value::Map(std::vector<MapEntry> entries) {
  Value value;
  value.kind = Kind::kMap;
  value.entries = std::move(entries);
  return value;
}

Value Value::Plain(std::string_view text) {
  Value value = String(std::string(text));
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) {
    value.kind = Kind::kNull;
  } else if (IsOneOf(text, {"true", "True", "TRUE"})) {
    value.kind = Kind::kBool;
    value.boolean = true;
  } else if (IsOneOf(text, {"false", "False", "FALSE"})) {
    value.kind = Kind::kBool;
  } else if (IsOneOf(text, {".inf", ".Inf", ".INF", "+.inf"})) {
    value.kind = Kind::kDouble;
    value.number = std::numeric_limits<double>::infinity();
  } else if (IsOneOf(text, {"-.inf", "-.Inf", "-.INF"})) {
    value.kind = Kind::kDouble;
    value.number = -std::numeric_limits<double>::infinity();
  } else if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) {
    value.kind = Kind::kDouble;
    value.number = std::nan("");
  } else if (LooksLikeNumber(text)) {
    const absl::string_view number(text.data(), text.size());
    if (absl::SimpleAtoi(number, &value.integer)) {
      value.kind = Kind::kInt;
      value.number = static_cast<double>(value.integer);
    } else if (absl::SimpleAtod(number, &value.number)) {
      value.kind = Kind::kDouble;
    }
  }
  return value;
}

const Value* Value::Find(std::string_view key) const {
  for (const MapEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.text != b.text || a.items != b.items) return false;
  return std::equal(
      a.entries.begin(), a.entries.end(), b.entries.begin(), b.entries.end(),
      [](const MapEntry& x, const MapEntry& y) { return x.key == y.key && x.value == y.value; });
}

std::string_view Describe(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kBool:
      return "a boolean";
    case Value::Kind::kInt:
      return "a whole number";
    case Value::Kind::kDouble:
      return "a number";
    case Value::Kind::kString:
      return "a string";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a map";
  }
  return "";
}

}  // namespace weir::config
