// Rows of CSV files.
#include <algorithm>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/targets/text_rows.h"

WEIR_FUZZ_TARGET(csv, input) {
  using namespace weir;
  static const batch::SchemaPtr schema = fuzz::RowSchema();
  const auto decoder = fuzz::DecoderOf(job::FormatType::kCsv, schema);
  const fuzz::Rows whole = fuzz::DecodeRows(*decoder, input, input.size() + 1);
  const auto fresh = fuzz::DecoderOf(job::FormatType::kCsv, schema);
  const fuzz::Rows parts = fuzz::DecodeRows(*fresh, input, 7 + input.size() / 32);
  fuzz::Expect(whole.rows == parts.rows && whole.bad == parts.bad, "rows do not depend on how a file is read");
  const std::string text = fuzz::Encoded(job::FormatType::kCsv, schema, whole);
  const auto reader = fuzz::DecoderOf(job::FormatType::kCsv, schema);
  const fuzz::Rows again = fuzz::DecodeRows(*reader, text, text.size() + 1);
  // Written as milliseconds, timestamps lose what is below; the text shows whether anything else was lost.
  fuzz::Expect(again.bad == 0 && fuzz::Encoded(job::FormatType::kCsv, schema, again) == text,
               "what is written can be read again, and is the same");
}
