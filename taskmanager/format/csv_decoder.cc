#include "taskmanager/format/csv_decoder.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "taskmanager/format/number.h"
#include "taskmanager/format/plain_text.h"

namespace weir::taskmanager {
namespace {

using batch::TypeKind;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

const char* LineEnd(const char* p, const char* limit) {
  const auto* end = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(limit - p)));
  return end;
}

/// Whole text to an integer; leading zeros and a plus sign are common in CSV.
template <typename T>
bool ReadInteger(std::string_view text, T* out) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadDouble(std::string_view text, double* out) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

CsvDecoder::CsvDecoder(DecoderOptions options)
    : schema_(options.schema), rows_(options.schema, options.wanted, options.required) {
  // Until a header is read, fields are taken in the order of the schema.
  for (int c = 0; c < schema_->size(); ++c) columns_.push_back(rows_.wanted(c) ? c : -1);
}

absl::StatusOr<size_t> CsvDecoder::ReadHeader(std::string_view beginning, bool complete) {
  const char* p = beginning.data();
  const char* const limit = p + beginning.size();
  if (beginning.substr(0, kByteOrderMark.size()) == kByteOrderMark) p += kByteOrderMark.size();
  std::string problem;
  switch (ParseRecord(&p, limit, complete, &problem)) {
    case Parsed::kMore:
      return size_t{0};
    case Parsed::kBad:
      return absl::InvalidArgumentError(absl::StrCat("the header: ", problem));
    case Parsed::kRecord:
      break;
  }
  columns_.assign(fields_.size(), -1);
  std::string names;
  std::vector<bool> found(schema_->fields.size());
  for (size_t i = 0; i < fields_.size(); ++i) {
    std::string name(fields_[i].begin, fields_[i].end);
    if (fields_[i].doubled) {
      for (size_t at = 0; (at = name.find("\"\"", at)) != std::string::npos; ++at) name.erase(at, 1);
    }
    absl::StrAppend(&names, names.empty() ? "" : ", ", name);
    const int column = schema_->IndexOf(name);
    if (column < 0) continue;
    if (found[column]) return absl::InvalidArgumentError(absl::StrCat("the header has `", name, "` twice"));
    found[column] = true;
    if (rows_.wanted(column)) columns_[i] = column;
  }
  for (int c = 0; c < schema_->size(); ++c) {
    if (found[c] || !rows_.wanted(c) || !rows_.required(c)) continue;
    return absl::InvalidArgumentError(absl::StrCat("the header has no `", rows_.name(c), "`, only ", names));
  }
  return static_cast<size_t>(p - beginning.data());
}

CsvDecoder::Parsed CsvDecoder::ParseRecord(const char** p, const char* limit, bool end_of_input,
                                           std::string* problem) {
  fields_.clear();
  const char* q = *p;
  // The bound is one of the record, not of the bytes that happen to be at hand: the outcome is the same however the
  // file is read.
  if (static_cast<size_t>(limit - q) > kMaxRecord) {
    limit = q + kMaxRecord;
    end_of_input = false;
  }
  const bool whole = end_of_input || limit == q + kMaxRecord;
  for (;;) {
    Field field{q, q, false, false};
    if (q < limit && *q == '"') {
      field.quoted = true;
      field.begin = ++q;
      for (;; ++q) {
        q = static_cast<const char*>(std::memchr(q, '"', static_cast<size_t>(limit - q)));
        if (q == nullptr) {
          if (!whole) return Parsed::kMore;
          *problem = end_of_input ? "a quote is not closed" : "a quote is not closed within 1 MiB";
          return Parsed::kBad;
        }
        if (q + 1 == limit && !whole) return Parsed::kMore;  // it may be the first of two
        if (q + 1 == limit || q[1] != '"') break;
        field.doubled = true;
        ++q;
      }
      field.end = q++;
    } else {
      q = SkipPlainCsv(q, limit);
      if (q < limit && *q == '"') {
        *problem = "a quote inside a field that does not begin with one";
        return Parsed::kBad;
      }
      field.end = q;
      if (q < limit && *q == '\n' && field.end > field.begin && field.end[-1] == '\r') --field.end;
      if (q == limit && end_of_input && field.end > field.begin && field.end[-1] == '\r') --field.end;
    }
    fields_.push_back(field);
    if (q == limit) {
      if (!whole) return Parsed::kMore;
      if (!end_of_input) {
        *problem = "the row is longer than 1 MiB";
        return Parsed::kBad;
      }
      *p = q;
      return Parsed::kRecord;
    }
    if (*q == '\r' && q + 1 == limit && !whole) return Parsed::kMore;
    if (*q == '\n' || (*q == '\r' && (q + 1 == limit || q[1] == '\n'))) {
      *p = std::min(limit, q + (*q == '\r' ? 2 : 1));
      return Parsed::kRecord;
    }
    if (*q != ',') {
      *problem = "something stands behind a closing quote";
      return Parsed::kBad;
    }
    ++q;
  }
}

DecodeResult CsvDecoder::Decode(const DecodeInput& input, int64_t max_rows) {
  DecodeResult result;
  const char* const base = input.buffer->data();
  const char* const limit = base + input.to;
  const char* const stop = base + std::min(input.stop, input.to);
  const char* p = base + input.from;
  rows_.Start(std::min<int64_t>(max_rows, limit - p + 1));
  while (p < stop && rows_.rows() + static_cast<int64_t>(result.bad.size()) < max_rows) {
    const char* const begin = p;
    std::string problem;
    const Parsed parsed = ParseRecord(&p, limit, input.end_of_input, &problem);
    if (parsed == Parsed::kMore) break;
    if (parsed == Parsed::kRecord) {
      const bool empty = fields_.size() == 1 && fields_[0].begin == fields_[0].end && !fields_[0].quoted;
      if (empty && columns_.size() != 1) continue;
      rows_.BeginRow();
      problem = SetRow();
      int missing = 0;
      if (problem.empty() && !rows_.EndRow(&missing)) problem = absl::StrCat("`", rows_.name(missing), "` is empty");
      if (problem.empty()) continue;
    }
    const char* end = p;
    if (parsed == Parsed::kBad) {
      const char* line_end = LineEnd(begin, limit);
      if (line_end == nullptr && !input.end_of_input && static_cast<size_t>(limit - begin) < kMaxRowBytes) break;
      end = p = line_end == nullptr ? limit : line_end + 1;
    }
    if (end > begin && end[-1] == '\n') --end;
    if (end > begin && end[-1] == '\r') --end;
    result.bad.push_back({static_cast<size_t>(begin - base), static_cast<size_t>(end - begin), std::move(problem)});
  }
  result.next = static_cast<size_t>(p - base);
  result.batch = rows_.Finish(input.buffer);
  return result;
}

std::string CsvDecoder::SetRow() {
  if (fields_.size() != columns_.size()) {
    return absl::StrCat(fields_.size(),
                        fields_.size() == 1 ? " field, but the header has " : " fields, but the header has ",
                        columns_.size());
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (columns_[i] < 0) continue;
    if (std::string problem = SetField(columns_[i], fields_[i]); !problem.empty()) return problem;
  }
  return {};
}

std::string CsvDecoder::SetField(int column, const Field& field) {
  std::string_view text(field.begin, static_cast<size_t>(field.end - field.begin));
  if (text.empty() && !field.quoted) {
    return rows_.SetNull(column) ? "" : absl::StrCat("`", rows_.name(column), "` is empty");
  }
  if (field.doubled) {
    unquoted_.clear();
    for (size_t i = 0; i < text.size(); ++i) {
      unquoted_.push_back(text[i]);
      if (text[i] == '"') ++i;
    }
    text = unquoted_;
  }
  const batch::DataType& type = rows_.type(column);
  bool good = false;
  switch (type.kind) {
    case TypeKind::kString:
    case TypeKind::kBytes:
      if (field.doubled) {
        rows_.SetTextCopy(column, text);
      } else {
        rows_.SetText(column, text);
      }
      return {};
    case TypeKind::kBoolean: {
      const bool yes = absl::EqualsIgnoreCase(View(text), "true");
      good = yes || absl::EqualsIgnoreCase(View(text), "false");
      if (good) rows_.Set<uint8_t>(column, yes);
      break;
    }
    case TypeKind::kInt: {
      int32_t value;
      if ((good = ReadInteger(text, &value))) rows_.Set<int32_t>(column, value);
      break;
    }
    case TypeKind::kBigint: {
      int64_t value;
      if ((good = ReadInteger(text, &value))) rows_.Set<int64_t>(column, value);
      break;
    }
    case TypeKind::kDouble: {
      double value;
      if ((good = ReadDouble(text, &value))) rows_.Set<double>(column, value);
      break;
    }
    case TypeKind::kDecimal:
      if (const auto value = batch::ParseDecimal(text, type.precision, type.scale)) {
        rows_.Set<batch::Decimal>(column, *value);
        good = true;
      }
      break;
    case TypeKind::kTimestamp: {
      int64_t micros = 0;
      good = MillisToMicros(text, &micros) == NumberFault::kNone;
      if (!good) {
        const auto parsed = batch::ParseTimestamp(text);
        good = parsed.has_value();
        micros = parsed.value_or(0);
      }
      if (good) rows_.Set<int64_t>(column, micros);
      break;
    }
    case TypeKind::kDate:
      if (const auto days = batch::ParseDate(text)) {
        rows_.Set<int32_t>(column, *days);
        good = true;
      }
      break;
  }
  if (good) return {};
  return absl::StrCat("`", rows_.name(column), "`: `", View(text.substr(0, 60)), "` is not a ",
                      batch::ToString(batch::DataType{type.kind, true, type.precision, type.scale}));
}

}  // namespace weir::taskmanager
