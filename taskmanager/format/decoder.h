#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/batch/batch.h"
#include "common/job/job_spec.h"

namespace weir::taskmanager {

/// A row that could not be decoded: bytes [from, from + size) of the input, without its line end.
struct BadRow {
  size_t from = 0;
  size_t size = 0;
  std::string message;  // names the column, not the file
};

/// Which bytes of a buffer a call of Decode looks at: [from, to) of `buffer`, which has Buffer::kPadding readable
/// bytes behind its end; the byte at `to` is zero. Rows that start at `stop` or behind it are not taken; one that
/// starts before it may reach beyond.
struct DecodeInput {
  batch::BufferPtr buffer;
  size_t from = 0;
  size_t to = 0;
  size_t stop = 0;
  bool end_of_input = false;  // nothing follows `to`: the last line needs no line end
};

struct DecodeResult {
  batch::Batch batch;       // without event times
  size_t next = 0;          // where the next row starts; == from and no rows: a whole row needs more bytes
  std::vector<BadRow> bad;  // in the order of the input
};

/// Bytes to rows, many rows a call.
///
/// Thread:  confined; keeps scratch memory, so reuse one.
/// Shape:   long strings of the result point into the input's buffer, which the result keeps alive.
/// Errors:  a bad row is left out, reported in `bad`, and never changes what is read from the next one.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// At most `max_rows` rows, good and bad together.
  virtual DecodeResult Decode(const DecodeInput& input, int64_t max_rows) = 0;
  /// Whether a file begins with something that is not a row.
  virtual bool has_header() const { return false; }
  /// Reads the beginning of a file; `complete`: it is the whole file. Gives the header's size, 0: it needs more bytes
  /// (never when `complete`). kInvalidArgument: the file cannot be read with this schema.
  virtual absl::StatusOr<size_t> ReadHeader(std::string_view beginning, bool complete) { return size_t{0}; }
  /// Whether rows may be looked for from the middle of a file: every line end ends a row.
  virtual bool splittable() const { return true; }
  /// Longest row; a longer one is a bad row.
  static constexpr size_t kMaxRowBytes = size_t{16} << 20;
};

/// What a decoder makes.
struct DecoderOptions {
  job::FormatType format = job::FormatType::kJson;
  batch::SchemaPtr schema;
  std::vector<bool> wanted;    // by column; empty: all. Others become NULL and are not looked at.
  std::vector<bool> required;  // NULL is an error, beside the columns that are `not null` (the event time)
};

/// For a source's rows: the column of its event time is wanted and must not be NULL.
DecoderOptions DecoderOptionsOf(const job::Node& source, batch::SchemaPtr schema, std::vector<bool> wanted);

/// kInvalidArgument: the schema does not fit the format.
absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(DecoderOptions options);

}  // namespace weir::taskmanager
