#include "taskmanager/format/json_decoder.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "taskmanager/format/number.h"

namespace weir::taskmanager {
namespace {

namespace ondemand = simdjson::ondemand;
using batch::TypeKind;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

/// At most 60 bytes of a value, for messages.
std::string Shown(std::string_view text) {
  constexpr size_t kMost = 60;
  if (text.size() <= kMost) return std::string(text);
  size_t cut = kMost;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;  // not inside a character
  return absl::StrCat(View(text.substr(0, cut)), "...");
}

std::string_view TypeName(ondemand::json_type type) {
  switch (type) {
    case ondemand::json_type::array:
      return "an array";
    case ondemand::json_type::object:
      return "an object";
    case ondemand::json_type::number:
      return "a number";
    case ondemand::json_type::string:
      return "a string";
    case ondemand::json_type::boolean:
      return "a boolean";
    case ondemand::json_type::null:
      return "null";
  }
  return "something else";
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool IsBlank(const char* p, const char* end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) ++p;
  return p == end;
}

std::string Invalid(simdjson::error_code error) {
  return absl::StrCat("not valid JSON: ", simdjson::error_message(error));
}

/// Sets columns from a document, key by key.
class RowReader {
 public:
  RowReader(const JsonPaths& paths, RowBuilder& rows) : paths_(paths), rows_(rows) {}

  /// The message of what is wrong, empty if nothing is.
  std::string Object(ondemand::object object, int index) {
    for (auto field : object) {
      std::string_view name;
      ondemand::value value;
      if (auto error = field.unescaped_key().get(name)) return Invalid(error);
      const JsonPaths::Key* key = paths_.objects[index].Find(name);
      if (key == nullptr) continue;
      if (auto error = field.value().get(value)) return Invalid(error);
      if (std::string problem = Key(value, *key); !problem.empty()) return problem;
    }
    return {};
  }

 private:
  std::string Key(ondemand::value value, const JsonPaths::Key& key) {
    ondemand::json_type type;
    if (auto error = value.type().get(type)) return Invalid(error);
    if (key.child >= 0 && type == ondemand::json_type::object) {
      ondemand::object object;
      if (auto error = value.get_object().get(object)) return Invalid(error);
      return Object(object, key.child);
    }
    if (key.column >= 0) return Column(value, type, key.column);
    if (type == ondemand::json_type::null) return {};  // all that lies in it is missing
    return absl::StrCat("`", key.name, "`: expected an object, found ", View(TypeName(type)));
  }

  std::string Column(ondemand::value value, ondemand::json_type type, int column) {
    std::string_view token = value.raw_json_token();
    token = Trimmed(token);
    switch (type) {
      case ondemand::json_type::null:
        if (token != "null") return Wrong(column, token, "is not a value");
        if (rows_.SetNull(column)) return {};
        return absl::StrCat("`", rows_.name(column), "` is null");
      case ondemand::json_type::boolean:
        if (rows_.type(column).kind != TypeKind::kBoolean) break;
        if (token != "true" && token != "false") return Wrong(column, token, "is not a value");
        rows_.Set<uint8_t>(column, token == "true");
        return {};
      case ondemand::json_type::number:
        return Number(column, token);
      case ondemand::json_type::string: {
        std::string_view text;
        if (auto error = value.get_string().get(text)) return Invalid(error);
        return Text(column, text);
      }
      default:
        break;
    }
    return absl::StrCat("`", rows_.name(column), "`: expected ", batch::ToString(rows_.type(column)), ", found ",
                        View(TypeName(type)));
  }

  std::string Number(int column, std::string_view token) {
    const batch::DataType& type = rows_.type(column);
    NumberFault fault = NumberFault::kNone;
    int64_t integer = 0;
    double number = 0;
    batch::Decimal decimal = 0;
    switch (type.kind) {
      case TypeKind::kBigint:
        fault = ToInteger(token, &integer);
        if (fault == NumberFault::kNone) rows_.Set<int64_t>(column, integer);
        break;
      case TypeKind::kInt:
        fault = ToInteger(token, &integer);
        if (fault == NumberFault::kNone && integer != static_cast<int32_t>(integer)) fault = NumberFault::kTooLarge;
        if (fault == NumberFault::kNone) rows_.Set<int32_t>(column, static_cast<int32_t>(integer));
        break;
      case TypeKind::kTimestamp:
        fault = MillisToMicros(token, &integer);
        if (fault == NumberFault::kNone) rows_.Set<int64_t>(column, integer);
        break;
      case TypeKind::kDouble:
        fault = ToDouble(token, &number);
        if (fault == NumberFault::kNone) rows_.Set<double>(column, number);
        break;
      case TypeKind::kDecimal:
        fault = ToDecimal(token, type.precision, type.scale, &decimal);
        if (fault == NumberFault::kNone) rows_.Set<batch::Decimal>(column, decimal);
        break;
      default:
        if (!IsJsonNumber(token)) return Wrong(column, token, Describe(NumberFault::kNotANumber));
        return Wrong(column, token, "is a number");
    }
    return fault == NumberFault::kNone ? std::string() : Wrong(column, token, Describe(fault));
  }

  std::string Text(int column, std::string_view text) {
    switch (rows_.type(column).kind) {
      case TypeKind::kString:
      case TypeKind::kBytes:
        rows_.SetTextCopy(column, text);  // simdjson's memory is used again for the next line
        return {};
      case TypeKind::kTimestamp:
        if (const auto micros = batch::ParseTimestamp(text)) {
          rows_.Set<int64_t>(column, *micros);
          return {};
        }
        return Wrong(column, absl::StrCat("\"", View(text), "\""), "is not RFC 3339");
      case TypeKind::kDate:
        if (const auto days = batch::ParseDate(text)) {
          rows_.Set<int32_t>(column, *days);
          return {};
        }
        return Wrong(column, absl::StrCat("\"", View(text), "\""), "is not of the form YYYY-MM-DD");
      default:
        return Wrong(column, absl::StrCat("\"", View(text), "\""), "is a string");
    }
  }

  std::string Wrong(int column, std::string_view shown, std::string_view why) {
    return absl::StrCat("`", rows_.name(column), "`: expected ", batch::ToString(rows_.type(column)), ", but ",
                        Shown(shown), " ", View(why));
  }

  const JsonPaths& paths_;
  RowBuilder& rows_;
};

}  // namespace

struct JsonDecoder::Parser {
  ondemand::parser parser;
};

JsonDecoder::JsonDecoder(DecoderOptions options)
    : paths_(*options.schema, options.wanted),
      rows_(options.schema, options.wanted, options.required),
      scanner_(&paths_),
      parser_(std::make_unique<Parser>()) {}

JsonDecoder::~JsonDecoder() = default;

DecodeResult JsonDecoder::Decode(const DecodeInput& input, int64_t max_rows) {
  DecodeResult result;
  const char* const base = input.buffer->data();
  const char* const limit = base + input.to;
  const char* const stop = base + std::min(input.stop, input.to);
  const char* p = base + input.from;
  // No row is shorter than `{}` and a line end.
  rows_.Start(std::min<int64_t>(max_rows, (limit - p) / 3 + 1));
  while (p < stop && rows_.rows() + static_cast<int64_t>(result.bad.size()) < max_rows) {
    LineShape line = FindLine(p, limit);
    if (line.end == nullptr) {
      if (!input.end_of_input) break;
      line.end = line.next = limit;
    }
    rows_.BeginRow();
    if (line.plain && scanner_.Scan(p, line.end, rows_) && rows_.EndRow(nullptr)) {
      p = line.next;
      continue;
    }
    if (!IsBlank(p, line.end)) {
      if (std::string problem = DecodeLine(p, line); !problem.empty()) {
        const char* end = line.end > p && line.end[-1] == '\r' ? line.end - 1 : line.end;
        result.bad.push_back({static_cast<size_t>(p - base), static_cast<size_t>(end - p), std::move(problem)});
      }
    }
    p = line.next;
  }
  result.next = static_cast<size_t>(p - base);
  result.batch = rows_.Finish(input.buffer);
  return result;
}

std::string JsonDecoder::DecodeLine(const char* begin, const LineShape& line) {
  const auto size = static_cast<size_t>(line.end - begin);
  if (!line.plain && IsUnescaped(begin, line.end) && simdjson::validate_utf8(begin, size)) {
    rows_.BeginRow();
    if (scanner_.Scan(begin, line.end, rows_) && rows_.EndRow(nullptr)) return {};
  }
  rows_.BeginRow();
  ondemand::document document;
  ondemand::object object;
  // The bytes behind the line are readable: the rest of the buffer and its padding.
  const simdjson::padded_string_view view(begin, size, size + simdjson::SIMDJSON_PADDING);
  if (auto error = parser_->parser.iterate(view).get(document)) return Invalid(error);
  ondemand::json_type type;
  if (auto error = document.type().get(type)) return Invalid(error);
  if (type != ondemand::json_type::object) {
    return absl::StrCat("expected an object, found ", View(TypeName(type)));
  }
  if (auto error = document.get_object().get(object)) return Invalid(error);
  std::string problem = RowReader(paths_, rows_).Object(object, 0);
  if (!problem.empty()) return problem;
  const char* rest = nullptr;
  if (document.current_location().get(rest) != simdjson::OUT_OF_BOUNDS) {
    return "not valid JSON: something follows the object";
  }
  if (int missing = 0; !rows_.EndRow(&missing)) return absl::StrCat("`", rows_.name(missing), "` is missing");
  return {};
}

}  // namespace weir::taskmanager
