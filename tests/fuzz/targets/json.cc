// Rows of JSON lines.
#include <algorithm>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/targets/text_rows.h"

WEIR_FUZZ_TARGET(json, input) {
  using namespace weir;
  static const batch::SchemaPtr schema = fuzz::RowSchema();
  static const auto decoder = fuzz::DecoderOf(job::FormatType::kJson, schema);
  const fuzz::Rows whole = fuzz::DecodeRows(*decoder, input, input.size() + 1);
  const fuzz::Rows parts = fuzz::DecodeRows(*decoder, input, 7);
  fuzz::Expect(whole.rows == parts.rows && whole.bad == parts.bad, "rows do not depend on how a file is read");
  const std::string text = fuzz::Encoded(job::FormatType::kJson, schema, whole);
  const fuzz::Rows again = fuzz::DecodeRows(*decoder, text, text.size() + 1);
  fuzz::Expect(again.bad == 0 && again.rows == whole.rows, "what is written can be read again, and is the same");
}
