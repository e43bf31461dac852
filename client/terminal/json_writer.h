#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::client {

/// Writes one JSON value; commas are put where they belong. `Key` stands before every value of an
/// object. Thread: one at a time.
class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view name);
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(int64_t value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  /// A value that is JSON already.
  JsonWriter& Raw(std::string_view json);

  const std::string& text() const { return text_; }

 private:
  void BeforeValue();

  std::string text_;
  bool comma_ = false;
};

}  // namespace weir::client
