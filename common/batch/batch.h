#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/batch/column.h"

namespace weir::batch {

/// No event has been seen yet. Event times and watermarks are microseconds since the epoch.
inline constexpr int64_t kMinTimestamp = std::numeric_limits<int64_t>::min();
/// No event will come any more.
inline constexpr int64_t kMaxTimestamp = std::numeric_limits<int64_t>::max();

/// What a row does to the result (as in a changelog). Updating operators emit inserts and update_afters: the new row of
/// its key. The other two are for results that shrink; nothing emits them yet. The numbers are on the wire.
enum class RowKind : uint8_t { kInsert = 0, kUpdateBefore = 1, kUpdateAfter = 2, kDelete = 3 };

/// Rows in columns: what operators take and emit.
///
/// Thread:  a value; buffers are shared, so copying is cheap, and nobody writes to them.
/// Shape:   one column per field of `schema`, each of `rows` values; `event_times` one int64_t (microseconds) a row, or
///          null when the stream has none; `row_kinds` one RowKind a row, or null: all inserts. Sources make at most
///          kMaxRows rows; a small batch is normal.
/// Why:     no selection vector: a filter gathers. Measured on a filter that keeps few rows (the usual one), gathering
///          costs less than every kernel behind it reading through an index.
struct Batch {
  static constexpr int64_t kMaxRows = 4096;

  SchemaPtr schema;
  std::vector<Column> columns;
  int64_t rows = 0;
  BufferPtr event_times;
  BufferPtr row_kinds;

  const int64_t* times() const {
    return event_times ? reinterpret_cast<const int64_t*>(event_times->data()) : nullptr;
  }
  RowKind kind(int64_t row) const {
    return row_kinds ? static_cast<RowKind>(row_kinds->data()[row]) : RowKind::kInsert;
  }
  Batch Gather(const uint32_t* indices, int64_t count) const;
  Batch Slice(int64_t from, int64_t count) const;
};

/// Copies the rows of several batches of one schema (equal types) into one, strings included: the result points into
/// no buffer of the inputs.
class BatchBuilder {
 public:
  /// Thread: confined. `with_times`: rows carry event times.
  BatchBuilder(SchemaPtr schema, bool with_times);

  /// Appends rows `rows[0..count)` of `batch`.
  void Append(const Batch& batch, const uint32_t* rows, int64_t count);
  int64_t rows() const { return rows_; }
  /// Bytes held: values, validity and strings.
  size_t bytes() const { return bytes_; }
  /// What was appended; the builder is empty then.
  Batch Finish();

 private:
  struct Pending {
    std::string values;
    std::vector<uint8_t> validity;  // empty while nothing was NULL
    StringArena arena;
  };
  SchemaPtr schema_;
  bool with_times_;
  int64_t rows_ = 0;
  size_t bytes_ = 0;
  std::vector<Pending> pending_;
  std::vector<int64_t> times_;
  std::vector<RowKind> kinds_;  // empty while all rows were inserts
};

/// The wire form of a batch (little-endian, version byte first): row count, flags, per column validity, values, and for
/// strings lengths and bytes. The schema is not sent: both sides derive it from the plan. `max_rows_at_receiver` none.
void EncodeBatch(const Batch& batch, std::string* out);
/// Decodes what EncodeBatch wrote; long strings point into `bytes`, which the result keeps alive. kDataLoss when the
/// bytes are not a batch of `schema`: nothing is read outside of them.
absl::StatusOr<Batch> DecodeBatch(const SchemaPtr& schema, BufferPtr bytes);

/// One row as text, `{user: "a", n: 3}`: for messages and tests.
std::string RowToString(const Batch& batch, int64_t row);
/// One value as text, as SQL would cast it to string; NULL is `NULL`.
std::string ValueToString(const Column& column, int64_t row);
/// Text of a decimal of that scale, `-1.50`.
std::string DecimalToString(Decimal value, int scale);
/// Reads `[-]digits[.digits][e[±]digits]`, rounds half away from zero to `scale`. Nothing on bad text or on more than
/// `precision` digits.
std::optional<Decimal> ParseDecimal(std::string_view text, int precision, int scale);
/// `2026-01-31 10:00:00[.ffffff]`.
std::string TimestampToString(int64_t micros);
/// `2026-01-31`.
std::string DateToString(int32_t days);
/// RFC 3339 or `YYYY-MM-DD[ T]hh:mm[:ss[.fraction]][Z|±hh:mm]`; without a zone UTC. Nothing on bad text.
std::optional<int64_t> ParseTimestamp(std::string_view text);
/// `YYYY-MM-DD`.
std::optional<int32_t> ParseDate(std::string_view text);
/// Days since the epoch of a proleptic Gregorian date (Hinnant 2013), and back.
int64_t DaysFromCivil(int64_t year, int month, int day);
void CivilFromDays(int64_t days, int64_t* year, int* month, int* day);

}  // namespace weir::batch
