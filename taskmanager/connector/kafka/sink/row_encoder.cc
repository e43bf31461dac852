#include "taskmanager/connector/kafka/sink/row_encoder.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

int64_t FloorDivide(int64_t value, int64_t by) { return value / by - (value % by < 0); }

absl::StatusOr<int> ColumnOf(const batch::Schema& schema, const std::string& name, const char* what) {
  const int column = schema.IndexOf(name);
  if (column >= 0) return column;
  return absl::InvalidArgumentError(absl::StrCat(what, " `", name, "`: the input has no such column, it has ",
                                                 ToString(schema)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowEncoder>> RowEncoder::Make(const job::Format& format, const batch::SchemaPtr& schema,
                                                             const KafkaSinkOptions& options) {
  std::unique_ptr<RowEncoder> made(new RowEncoder());
  ASSIGN_OR_RETURN(made->encoder_, MakeEncoder(format, schema));
  made->raw_ = format.type == job::FormatType::kRaw;
  made->rfc3339_ = format.timestamps == job::TimestampFormat::kRfc3339;
  if (!options.key.empty()) {
    ASSIGN_OR_RETURN(made->key_column_, ColumnOf(*schema, options.key, "key"));
  }
  for (const auto& [name, column_name] : options.headers) {
    ASSIGN_OR_RETURN(const int column, ColumnOf(*schema, column_name, "header column"));
    made->headers_.emplace_back(name, column);
  }
  return made;
}

void RowEncoder::AppendText(const batch::Column& column, int64_t row, std::string* out) const {
  if (batch::IsVariable(column.type().kind)) {
    out->append(column.text(row));
  } else if (column.type().kind == batch::TypeKind::kTimestamp) {
    const int64_t micros = column.at<int64_t>(row);
    if (!rfc3339_) {
      absl::StrAppend(out, FloorDivide(micros, 1000));
      return;
    }
    std::string text = batch::TimestampToString(micros);
    if (const size_t space = text.find(' '); space != std::string::npos) text[space] = 'T';
    absl::StrAppend(out, text, "Z");
  } else {
    out->append(batch::ValueToString(column, row));
  }
}

void RowEncoder::EncodeKeys(const batch::Batch& batch, int64_t from, int64_t count) {
  const batch::Column& column = batch.columns[static_cast<size_t>(key_column_)];
  if (batch::IsVariable(column.type().kind)) {
    for (int64_t i = 0; i < count; ++i) {
      if (column.IsNull(from + i)) continue;
      OutgoingRecord& record = records_[static_cast<size_t>(i)];
      record.has_key = true;
      record.key = column.text(from + i);
    }
    return;
  }
  keys_.clear();
  key_ends_.clear();
  for (int64_t i = 0; i < count; ++i) {
    if (!column.IsNull(from + i)) AppendText(column, from + i, &keys_);
    key_ends_.push_back(keys_.size());
  }
  size_t begin = 0;
  for (int64_t i = 0; i < count; ++i) {
    OutgoingRecord& record = records_[static_cast<size_t>(i)];
    record.has_key = !column.IsNull(from + i);
    record.key = std::string_view(keys_).substr(begin, key_ends_[static_cast<size_t>(i)] - begin);
    begin = key_ends_[static_cast<size_t>(i)];
  }
}

std::vector<OutgoingRecord>& RowEncoder::Encode(const batch::Batch& batch, int64_t from, int64_t count) {
  records_.assign(static_cast<size_t>(count), OutgoingRecord{});
  if (raw_) {
    const batch::Column& column = batch.columns[0];
    for (int64_t i = 0; i < count; ++i) {
      OutgoingRecord& record = records_[static_cast<size_t>(i)];
      record.has_value = !column.IsNull(from + i);
      if (record.has_value) record.value = column.text(from + i);
    }
  } else {
    values_.clear();
    value_ends_.clear();
    encoder_->AppendRecords(batch, from, count, &values_, &value_ends_);
    size_t begin = 0;
    for (int64_t i = 0; i < count; ++i) {
      const size_t end = value_ends_[static_cast<size_t>(i)];
      records_[static_cast<size_t>(i)].value = std::string_view(values_).substr(begin, end - begin);
      begin = end;
    }
  }
  if (key_column_ >= 0) EncodeKeys(batch, from, count);
  return records_;
}

std::vector<std::pair<std::string, std::string>> RowEncoder::Headers(const batch::Batch& batch, int64_t row) const {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, index] : headers_) {
    const batch::Column& column = batch.columns[static_cast<size_t>(index)];
    if (column.IsNull(row)) continue;
    headers.emplace_back(name, std::string());
    AppendText(column, row, &headers.back().second);
  }
  return headers;
}

}  // namespace weir::taskmanager::kafka
