#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/format/decoder.h"
#include "taskmanager/format/row_builder.h"

namespace weir::taskmanager {

/// CSV by RFC 4180: commas, a header, fields in quotes with line ends and doubled quotes in them. LF or CRLF.
///
/// Thread:  confined.
/// Shape:   columns are found by name in the header. An unquoted empty field is NULL. Empty lines are no rows, unless
/// the
///          file has one column.
/// Errors:  a bad row (quotes, number of fields, a field's text) is bad alone: reading goes on with the line behind
/// the one
///          where it began, so a quote that is never closed swallows nothing.
class CsvDecoder final : public Decoder {
 public:
  explicit CsvDecoder(DecoderOptions options);

  DecodeResult Decode(const DecodeInput& input, int64_t max_rows) override;
  bool has_header() const override { return true; }
  absl::StatusOr<size_t> ReadHeader(std::string_view beginning, bool complete) override;
  bool splittable() const override { return false; }

 private:
  /// A row may be this long: a quote that is open longer was never closed.
  static constexpr size_t kMaxRecord = size_t{1} << 20;

  struct Field {
    const char* begin;
    const char* end;
    bool quoted;
    bool doubled;  // has doubled quotes
  };
  enum class Parsed { kRecord, kBad, kMore };

  /// Splits the record at `*p` into `fields_` and moves `*p` to the next. kBad: `*problem`, and `*p` is where it was.
  Parsed ParseRecord(const char** p, const char* limit, bool end_of_input, std::string* problem);
  /// Sets the columns of a row from `fields_`; the message of what is wrong, empty if nothing is.
  std::string SetRow();
  std::string SetField(int column, const Field& field);

  batch::SchemaPtr schema_;
  RowBuilder rows_;
  std::vector<int> columns_;  // by field of the file: the column, -1: none
  std::vector<Field> fields_;
  std::string unquoted_;
};

}  // namespace weir::taskmanager
