#include "taskmanager/format/encoder.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/batch/write_text.h"
#include "taskmanager/format/plain_text.h"

namespace weir::taskmanager {
namespace {

using batch::Column;
using batch::TypeKind;

void AppendInteger(int64_t value, std::string* out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  out->append(text, end);
}

/// Shortest text that reads back as the same double.
void AppendDouble(double value, std::string* out) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  out->append(text, end);
}

void AppendDecimal(batch::Decimal value, int scale, std::string* out) {
  char text[batch::kLongestText];
  out->append(text, batch::WriteDecimal(value, scale, text));
}

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0); }

void AppendRfc3339(int64_t micros, std::string* out) {
  char text[batch::kLongestText];
  char* end = batch::WriteTimestamp(micros, 'T', text);
  *end++ = 'Z';
  out->append(text, end);
}

void AppendDate(int32_t days, std::string* out) {
  char text[batch::kLongestText];
  out->append(text, batch::WriteDate(days, text));
}

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

/// A JSON string; bytes that are not UTF-8 become U+FFFD, since JSON cannot carry them.
void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  const char* p = text.data();
  const char* const end = p + text.size();
  const char* copied = p;  // up to here
  while (p < end) {
    p += PlainJsonBytes({p, static_cast<size_t>(end - p)});
    if (p == end) break;
    const auto c = static_cast<unsigned char>(*p);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++p;
      continue;
    }
    if (c >= 0x80) {
      if (const int length = Utf8Length(p, end); length > 0) {
        p += length;
        continue;
      }
    }
    out->append(copied, p);
    copied = ++p;
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\b':
        out->append("\\b");
        break;
      case '\f':
        out->append("\\f");
        break;
      default:
        if (c >= 0x80) {
          out->append("\xef\xbf\xbd");
        } else {
          out->append("\\u00");
          out->push_back("0123456789abcdef"[c >> 4]);
          out->push_back("0123456789abcdef"[c & 15]);
        }
    }
  }
  out->append(copied, end);
  out->push_back('"');
}

/// What is between rows; `Format` has `void Row(batch, row, out) const`.
template <typename Format>
class RowByRow : public Encoder {
 public:
  void Append(const batch::Batch& batch, int64_t from, int64_t count, std::string* out) override {
    for (int64_t row = from; row < from + count; ++row) {
      static_cast<const Format*>(this)->Row(batch, row, out);
      out->push_back('\n');
    }
  }
  void AppendRecords(const batch::Batch& batch, int64_t from, int64_t count, std::string* out,
                     std::vector<size_t>* ends) override {
    for (int64_t row = from; row < from + count; ++row) {
      static_cast<const Format*>(this)->Row(batch, row, out);
      ends->push_back(out->size());
    }
  }
};

class JsonEncoder final : public RowByRow<JsonEncoder> {
 public:
  JsonEncoder(const batch::Schema& schema, job::TimestampFormat timestamps)
      : rfc3339_(timestamps == job::TimestampFormat::kRfc3339) {
    for (const batch::Field& field : schema.fields) {
      std::string key = keys_.empty() ? "{" : ",";
      AppendJsonString(field.name, &key);
      keys_.push_back(key + ":");
    }
  }

  void Row(const batch::Batch& batch, int64_t row, std::string* out) const {
    if (keys_.empty()) out->push_back('{');
    for (size_t c = 0; c < keys_.size(); ++c) {
      out->append(keys_[c]);
      Value(batch.columns[c], row, out);
    }
    out->push_back('}');
  }

 private:
  void Value(const Column& column, int64_t row, std::string* out) const {
    if (column.IsNull(row)) {
      out->append("null");
      return;
    }
    switch (column.type().kind) {
      case TypeKind::kBoolean:
        out->append(column.at<uint8_t>(row) ? "true" : "false");
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
          out->append("null");  // JSON has no such numbers
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
          out->push_back('"');
          AppendRfc3339(column.at<int64_t>(row), out);
          out->push_back('"');
        } else {
          AppendInteger(FloorDivide(column.at<int64_t>(row), 1000), out);
        }
        break;
      case TypeKind::kDate:
        out->push_back('"');
        AppendDate(column.at<int32_t>(row), out);
        out->push_back('"');
        break;
    }
  }

  std::vector<std::string> keys_;  // `{"user":`, `,"n":`
  bool rfc3339_;
};

/// Appends a field, in quotes where its text or its emptiness would be taken for something else.
void AppendCsvText(std::string_view text, std::string* out) {
  if (!text.empty() && !NeedsCsvQuotes(text)) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

class CsvEncoder final : public RowByRow<CsvEncoder> {
 public:
  CsvEncoder(const batch::Schema& schema, job::TimestampFormat timestamps)
      : rfc3339_(timestamps == job::TimestampFormat::kRfc3339) {
    for (const batch::Field& field : schema.fields) {
      if (&field != &schema.fields.front()) header_.push_back(',');
      AppendCsvText(field.name, &header_);
    }
    header_.push_back('\n');
  }

  void AppendHeader(std::string* out) const override { out->append(header_); }

  void Row(const batch::Batch& batch, int64_t row, std::string* out) const {
    for (size_t c = 0; c < batch.columns.size(); ++c) {
      if (c > 0) out->push_back(',');
      Value(batch.columns[c], row, out);
    }
  }

 private:
  void Value(const Column& column, int64_t row, std::string* out) const {
    if (column.IsNull(row)) return;
    switch (column.type().kind) {
      case TypeKind::kBoolean:
        out->append(column.at<uint8_t>(row) ? "true" : "false");
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
  void Row(const batch::Batch& batch, int64_t row, std::string* out) const {
    if (!batch.columns[0].IsNull(row)) out->append(batch.columns[0].text(row));
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
