#include "client/terminal/json_writer.h"

#include "common/base/log/log.h"

namespace weir::client {

void JsonWriter::BeforeValue() {
  if (comma_) text_ += ", ";
  comma_ = true;
}
JsonWriter& JsonWriter::BeginObject() {
  BeforeValue();
  text_ += '{';
  comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::EndObject() {
  text_ += '}';
  comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::BeginArray() {
  BeforeValue();
  text_ += '[';
  comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::EndArray() {
  text_ += ']';
  comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::Key(std::string_view name) {
  BeforeValue();
  text_ += log::JsonString(name);
  text_ += ": ";
  comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::String(std::string_view value) { return Raw(log::JsonString(value)); }
JsonWriter& JsonWriter::Int(int64_t value) { return Raw(std::to_string(value)); }
JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::Null() { return Raw("null"); }
JsonWriter& JsonWriter::Raw(std::string_view json) {
  BeforeValue();
  text_ += json;
  return *this;
}

}  // namespace weir::client
