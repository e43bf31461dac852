#include "taskmanager/format/encoder.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/batch/write_text.h"
#include "taskmanager/format/plain_text.h"
#include "taskmanager/format/row_text.h"

namespace weir::taskmanager {
namespace {

using batch::Column;
using batch::TypeKind;

void AppendInteger(int64_t value, RowText* out) {
  char* const text = out->Room(batch::kLongestText);
  out->Take(std::to_chars(text, text + batch::kLongestText, value).ptr);
}

/// Shortest text that reads back as the same double.
void AppendDouble(double value, RowText* out) {
  char* const text = out->Room(batch::kLongestText);
  out->Take(std::to_chars(text, text + batch::kLongestText, value).ptr);
}

void AppendDecimal(batch::Decimal value, int scale, RowText* out) {
  out->Take(batch::WriteDecimal(value, scale, out->Room(batch::kLongestText)));
}

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0); }

void AppendRfc3339(int64_t micros, RowText* out) {
  char* end = batch::WriteTimestamp(micros, 'T', out->Room(batch::kLongestText + 1));
  *end++ = 'Z';
  out->Take(end);
}

void AppendDate(int32_t days, RowText* out) { out->Take(batch::WriteDate(days, out->Room(batch::kLongestText))); }

/// Bytes of the UTF-8 character at `p`, 0 when there is none (RFC 3629: no overlong forms, no surrogates).
int Utf8Length(const char* p, const char* end) {
  const auto* s = reinterpret_cast<const unsigned char*>(p);
  const auto left = end - p;
  auto follows = [&](int i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < left && s[i] >= low && s[i] <= high;
  };
  if (s[0] < 0x80) return 1;
  if (s[0] >= 0xc2 && s[0] <= 0xdf) return follows(1) ? 2 : 0;
  if ((s[0] & 0xf0) == 0xe0) {
    return follows(1, s[0] == 0xe0 ? 0xa0 : 0x80, s[0] == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  }
  if (s[0] >= 0xf0 && s[0] <= 0xf4) {
    return follows(1, s[0] == 0xf0 ? 0x90 : 0x80, s[0] == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

/// Writes the escape of one byte that cannot stand for itself in a JSON string.
char* WriteEscape(unsigned char c, char* out) {
  auto put = [&out](std::string_view text) {
    std::memcpy(out, text.data(), text.size());
    return out + text.size();
  };
  switch (c) {
    case '"': return put("\\\"");
    case '\\': return put("\\\\");
    case '\n': return put("\\n");
    case '\r': return put("\\r");
    case '\t': return put("\\t");
    case '\b': return put("\\b");
    case '\f': return put("\\f");
    default: break;
  }
  if (c >= 0x80) return put("\xef\xbf\xbd");
  out = put("\\u00");
  *out++ = "0123456789abcdef"[c >> 4];
  *out++ = "0123456789abcdef"[c & 15];
  return out;
}

/// A JSON string; bytes that are not UTF-8 become U+FFFD, since JSON cannot carry them.
void AppendJsonString(std::string_view text, RowText* to) {
  // The room is asked for by the piece: six times the longest text would be much.
  constexpr size_t kPiece = 4096, kLongestEscape = 6;
  const char* p = text.data();
  const char* const end = p + text.size();
  to->Add('"');
  while (p < end) {
    const size_t size = std::min(static_cast<size_t>(end - p), kPiece);
    char* out = to->Room(size + kPlainStep + kLongestEscape);
    const size_t plain = CopyPlainJson({p, size}, out);
    p += plain;
    out += plain;
    if (plain < size) {
      const int length = static_cast<unsigned char>(*p) < 0x80 ? 0 : Utf8Length(p, end);
      if (length > 0) {
        std::memcpy(out, p, static_cast<size_t>(length));
        p += length;
        out += length;
      } else {
        out = WriteEscape(static_cast<unsigned char>(*p++), out);
      }
    }
    to->Take(out);
  }
  to->Add('"');
}

/// What is between rows; `Format` has `void Row(batch, row, out) const`.
template <typename Format>
class RowByRow : public Encoder {
 public:
  void Append(const batch::Batch& batch, int64_t from, int64_t count, std::string* out) override {
    for (int64_t row = from; row < from + count; ++row) {
      text_.Clear();
      static_cast<const Format*>(this)->Row(batch, row, &text_);
      text_.Add('\n');
      out->append(text_.view());
    }
  }
  void AppendRecords(const batch::Batch& batch, int64_t from, int64_t count, std::string* out,
                     std::vector<size_t>* ends) override {
    for (int64_t row = from; row < from + count; ++row) {
      text_.Clear();
      static_cast<const Format*>(this)->Row(batch, row, &text_);
      out->append(text_.view());
      ends->push_back(out->size());
    }
  }

 private:
  RowText text_;
};

class JsonEncoder final : public RowByRow<JsonEncoder> {
 public:
  JsonEncoder(const batch::Schema& schema, job::TimestampFormat timestamps)
      : rfc3339_(timestamps == job::TimestampFormat::kRfc3339) {
    for (const batch::Field& field : schema.fields) {
      std::string key = keys_.empty() ? "{" : ",";
      RowText name;
      AppendJsonString(field.name, &name);
      keys_.push_back(key.append(name.view()).append(":"));
    }
  }

  void Row(const batch::Batch& batch, int64_t row, RowText* out) const {
    if (keys_.empty()) out->Add('{');
    for (size_t c = 0; c < keys_.size(); ++c) {
      out->Add(keys_[c]);
      Value(batch.columns[c], row, out);
    }
    out->Add('}');
  }

 private:
  void Value(const Column& column, int64_t row, RowText* out) const {
    if (column.IsNull(row)) {
      out->Add("null");
      return;
    }
    switch (column.type().kind) {
      case TypeKind::kBoolean:
        out->Add(column.at<uint8_t>(row) ? "true" : "false");
        break;
      case TypeKind::kInt:
        AppendInteger(column.at<int32_t>(row), out);
        break;
      case TypeKind::kBigint:
        AppendInteger(column.at<int64_t>(row), out);
        break;
      case TypeKind::kDouble:
        if (const double value = column.at<double>(row); std::isfinite(value)) {
          AppendDouble(value, out);
        } else {
          out->Add("null");  // JSON has no such numbers
        }
        break;
      case TypeKind::kDecimal:
        AppendDecimal(column.at<batch::Decimal>(row), column.type().scale, out);
        break;
      case TypeKind::kString:
      case TypeKind::kBytes:
        AppendJsonString(column.text(row), out);
        break;
      case TypeKind::kTimestamp:
        if (rfc3339_) {
          out->Add('"');
          AppendRfc3339(column.at<int64_t>(row), out);
          out->Add('"');
        } else {
          AppendInteger(FloorDivide(column.at<int64_t>(row), 1000), out);
        }
        break;
      case TypeKind::kDate:
        out->Add('"');
        AppendDate(column.at<int32_t>(row), out);
        out->Add('"');
        break;
    }
  }

  std::vector<std::string> keys_;  // `{"user":`, `,"n":`
  bool rfc3339_;
};

/// Appends a field, in quotes where its text or its emptiness would be taken for something else.
void AppendCsvText(std::string_view text, RowText* out) {
  if (!text.empty() && !NeedsCsvQuotes(text)) {
    out->Add(text);
    return;
  }
  out->Add('"');
  for (char c : text) {
    if (c == '"') out->Add('"');
    out->Add(c);
  }
  out->Add('"');
}

class CsvEncoder final : public RowByRow<CsvEncoder> {
 public:
  CsvEncoder(const batch::Schema& schema, job::TimestampFormat timestamps)
      : rfc3339_(timestamps == job::TimestampFormat::kRfc3339) {
    RowText names;
    for (const batch::Field& field : schema.fields) {
      if (&field != &schema.fields.front()) names.Add(',');
      AppendCsvText(field.name, &names);
    }
    header_.assign(names.view()).append("\n");
  }

  void AppendHeader(std::string* out) const override { out->append(header_); }

  void Row(const batch::Batch& batch, int64_t row, RowText* out) const {
    for (size_t c = 0; c < batch.columns.size(); ++c) {
      if (c > 0) out->Add(',');
      Value(batch.columns[c], row, out);
    }
  }

 private:
  void Value(const Column& column, int64_t row, RowText* out) const {
    if (column.IsNull(row)) return;
    switch (column.type().kind) {
      case TypeKind::kBoolean:
        out->Add(column.at<uint8_t>(row) ? "true" : "false");
        break;
      case TypeKind::kInt:
        AppendInteger(column.at<int32_t>(row), out);
        break;
      case TypeKind::kBigint:
        AppendInteger(column.at<int64_t>(row), out);
        break;
      case TypeKind::kDouble:
        AppendDouble(column.at<double>(row), out);
        break;
      case TypeKind::kDecimal:
        AppendDecimal(column.at<batch::Decimal>(row), column.type().scale, out);
        break;
      case TypeKind::kString:
      case TypeKind::kBytes:
        AppendCsvText(column.text(row), out);
        break;
      case TypeKind::kTimestamp:
        if (rfc3339_) {
          AppendRfc3339(column.at<int64_t>(row), out);
        } else {
          AppendInteger(FloorDivide(column.at<int64_t>(row), 1000), out);
        }
        break;
      case TypeKind::kDate:
        AppendDate(column.at<int32_t>(row), out);
        break;
    }
  }

  std::string header_;
  bool rfc3339_;
};

/// The one column as it is, and a line end.
class RawEncoder final : public RowByRow<RawEncoder> {
 public:
  void Row(const batch::Batch& batch, int64_t row, RowText* out) const {
    if (!batch.columns[0].IsNull(row)) out->Add(batch.columns[0].text(row));
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<Encoder>> MakeEncoder(const job::Format& format, batch::SchemaPtr schema) {
  switch (format.type) {
    case job::FormatType::kCsv:
      return std::make_unique<CsvEncoder>(*schema, format.timestamps);
    case job::FormatType::kRaw:
      if (schema->size() != 1 || !batch::IsVariable(schema->fields[0].type.kind)) {
        return absl::InvalidArgumentError(
            absl::StrCat("format raw writes one column of type bytes or string, the input has ", ToString(*schema)));
      }
      return std::make_unique<RawEncoder>();
    case job::FormatType::kJson:
    case job::FormatType::kNone:
      return std::make_unique<JsonEncoder>(*schema, format.timestamps);
  }
  return absl::InvalidArgumentError("no such format");
}

const char* FileExtension(job::FormatType format) {
  switch (format) {
    case job::FormatType::kCsv:
      return "csv";
    case job::FormatType::kRaw:
      return "raw";
    case job::FormatType::kJson:
    case job::FormatType::kNone:
      return "json";
  }
  return "";
}

}  // namespace weir::taskmanager
