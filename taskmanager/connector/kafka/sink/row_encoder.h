#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/batch/batch.h"
#include "common/job/job_spec.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/transaction/producer_port.h"
#include "taskmanager/format/encoder.h"

namespace weir::taskmanager::kafka {

/// Rows to records: value by the sink's format (one row, no line end), key and headers from columns.
///
/// Thread: confined.
/// Shape:  a key is the text of its column's value as JSON would write it, without quotes; bytes and strings as they
///         are. NULL key column: no key. Raw: a NULL value is a tombstone.
class RowEncoder {
 public:
  /// kInvalidArgument: the schema does not fit the format, or has no such column.
  static absl::StatusOr<std::unique_ptr<RowEncoder>> Make(const job::Format& format, const batch::SchemaPtr& schema,
                                                          const KafkaSinkOptions& options);

  /// Rows [from, from + count) as records without partition; they point into the batch and into this, until the next
  /// call.
  std::vector<OutgoingRecord>& Encode(const batch::Batch& batch, int64_t from, int64_t count);

  bool has_headers() const { return !headers_.empty(); }
  /// NULLs are left out.
  std::vector<std::pair<std::string, std::string>> Headers(const batch::Batch& batch, int64_t row) const;

 private:
  RowEncoder() = default;
  void EncodeKeys(const batch::Batch& batch, int64_t from, int64_t count);
  void AppendText(const batch::Column& column, int64_t row, std::string* out) const;

  std::unique_ptr<Encoder> encoder_;
  bool raw_ = false;
  bool rfc3339_ = false;
  int key_column_ = -1;
  std::vector<std::pair<std::string, int>> headers_;
  std::string values_, keys_;
  std::vector<size_t> value_ends_, key_ends_;
  std::vector<OutgoingRecord> records_;
};

}  // namespace weir::taskmanager::kafka
