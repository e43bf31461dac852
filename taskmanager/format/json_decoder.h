#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taskmanager/format/decoder.h"
#include "taskmanager/format/json_paths.h"
#include "taskmanager/format/json_scanner.h"
#include "taskmanager/format/row_builder.h"

namespace weir::taskmanager {

/// JSON lines: an object a line. Lines of white space alone are no rows. Of a repeated key the last value counts.
///
/// Thread:  confined.
/// Errors:  as the job file's contract says: wrong types, fractions for integers, numbers too large, NULL for `not
/// null`.
///          A line's structure must be right; the values of keys nobody reads are skipped without being checked.
class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(DecoderOptions options);
  ~JsonDecoder() override;

  DecodeResult Decode(const DecodeInput& input, int64_t max_rows) override;

 private:
  struct Parser;  // simdjson's

  /// One line; the message of what is wrong with it, empty if nothing is.
  std::string DecodeLine(const char* begin, const LineShape& line);

  JsonPaths paths_;
  RowBuilder rows_;
  JsonScanner scanner_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace weir::taskmanager
