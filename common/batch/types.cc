#include "common/batch/types.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace weir::batch {
namespace {

struct Name {
  TypeKind kind;
  std::string_view text;
};
constexpr Name kNames[] = {
    {TypeKind::kBoolean, "boolean"}, {TypeKind::kInt, "int"},
    {TypeKind::kBigint, "bigint"},   {TypeKind::kDouble, "double"},
    {TypeKind::kDecimal, "decimal"}, {TypeKind::kString, "string"},
    {TypeKind::kBytes, "bytes"},     {TypeKind::kTimestamp, "timestamp"},
    {TypeKind::kDate, "date"},
};

}  // namespace

bool SameType(const DataType& a, const DataType& b) {
  return a.kind == b.kind &&
         (a.kind != TypeKind::kDecimal || (a.precision == b.precision && a.scale == b.scale));
}

std::string ToString(const DataType& type) {
  std::string out;
  for (const Name& name : kNames) {
    if (name.kind == type.kind) out = name.text;
  }
  if (type.kind == TypeKind::kDecimal) absl::StrAppend(&out, "(", type.precision, ",", type.scale, ")");
  if (!type.nullable) out += " not null";
  return out;
}

std::optional<DataType> ParseDataType(std::string_view text) {
  std::string lower = absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
  DataType type;
  std::vector<std::string> words = absl::StrSplit(lower, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.size() >= 2 && words[words.size() - 2] == "not" && words.back() == "null") {
    type.nullable = false;
    words.resize(words.size() - 2);
  }
  std::string bare;
  for (const std::string& word : words) bare += word;
  std::vector<std::string> parameters;
  if (const size_t open = bare.find('('); open != std::string::npos) {
    if (bare.back() != ')') return std::nullopt;
    parameters = absl::StrSplit(bare.substr(open + 1, bare.size() - open - 2), ',');
    bare.resize(open);
  }
  for (const Name& name : kNames) {
    if (name.text != bare) continue;
    type.kind = name.kind;
    if (type.kind != TypeKind::kDecimal) return parameters.empty() ? std::optional(type) : std::nullopt;
    int precision = 10, scale = 0;  // SQL's defaults, as in Flink
    if (parameters.size() > 2) return std::nullopt;
    if (!parameters.empty() && !absl::SimpleAtoi(parameters[0], &precision)) return std::nullopt;
    if (parameters.size() == 2 && !absl::SimpleAtoi(parameters[1], &scale)) return std::nullopt;
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision) return std::nullopt;
    type.precision = static_cast<uint8_t>(precision);
    type.scale = static_cast<uint8_t>(scale);
    return type;
  }
  return std::nullopt;
}

int Schema::IndexOf(std::string_view name) const {
  for (int i = 0; i < size(); ++i) {
    if (fields[i].name == name) return i;
  }
  return -1;
}

std::string ToString(const Schema& schema) {
  std::string out = "(";
  for (const Field& field : schema.fields) {
    if (out.size() > 1) out += ", ";
    absl::StrAppend(&out, field.name, " ", ToString(field.type));
  }
  return out + ")";
}

}  // namespace weir::batch
