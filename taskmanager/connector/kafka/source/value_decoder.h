#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/batch/batch.h"
#include "taskmanager/format/decoder.h"
#include "taskmanager/format/row_builder.h"

namespace weir::taskmanager::kafka {

/// A record's value.
struct Value {
  const char* data = nullptr;  // null: the record has none (a tombstone)
  size_t size = 0;
};

/// Values of Kafka records to rows: each value is one row, or one bad row, whatever is in it.
///
/// Thread:  confined.
/// Shape:   values are laid end to end, a line each, and the format's Decoder runs over all of them: as fast as over a
///          file. A line end inside a value becomes a tab, which in JSON means the same (and is as wrong inside a
///          string). CSV values that a neighbour could be drawn into (a line end, an odd number of quotes) are decoded
///          alone. Rows point into a buffer of ours, not into the values.
class ValueDecoder {
 public:
  struct Bad {
    int64_t index = 0;  // of the value
    std::string message;
  };
  struct Result {
    batch::Batch batch;
    int64_t taken = 0;     // values that were looked at, from the first on; at least 1
    std::vector<Bad> bad;  // ascending
    int64_t bytes = 0;
  };
  /// Values of one call together: more are left for the next one.
  static constexpr size_t kMaxBytes = size_t{4} << 20;

  /// kInvalidArgument: the schema does not fit the format.
  static absl::StatusOr<std::unique_ptr<ValueDecoder>> Make(DecoderOptions options);

  Result Decode(const Value* values, int64_t count);

 private:
  enum class Fit : uint8_t { kLine, kAlone, kBad };
  ValueDecoder(const DecoderOptions& options, std::unique_ptr<Decoder> decoder);

  Fit Judge(const Value& value, std::string* problem) const;
  /// Room for `size` bytes that no batch points into.
  batch::BufferPtr Room(size_t size);
  Result DecodeRaw(const Value* values, int64_t count);
  Result DecodeAlone(const Value& value);
  int64_t HowMany(const Value* values, int64_t count, size_t* bytes) const;

  const job::FormatType format_;
  batch::SchemaPtr schema_;
  std::unique_ptr<Decoder> decoder_;
  RowBuilder raw_;
  std::vector<batch::BufferPtr> buffers_;
  std::vector<size_t> starts_;    // of the lines in the buffer
  std::vector<int64_t> indices_;  // of their values
};

/// No rows, with all columns.
batch::Batch EmptyBatch(const batch::SchemaPtr& schema);

}  // namespace weir::taskmanager::kafka
