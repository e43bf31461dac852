// Rows of JSON lines.
#include <algorithm>

#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/targets/text_rows.h"

WEIR_FUZZ_TARGET(json, input) {
  using namespace weir;
  static const batch::SchemaPtr schema = fuzz::RowSchema();
  static const auto decoder = fuzz::DecoderOf(job::FormatType::kJson, schema);
  const fuzz::Rows whole = fuzz::DecodeRows(*decoder, input, input.size() + 1);
  const fuzz::Rows parts = fuzz::DecodeRows(*decoder, input, 7 + input.size() / 32);
  fuzz::Expect(whole.rows == parts.rows && whole.bad == parts.bad, "rows do not depend on how a file is read");
  // A name with a dot is a path when it is read and a plain key when it is written: here it is plain for both.
  static const batch::SchemaPtr plain = fuzz::RowSchema("shop_name");
  static const auto reader = fuzz::DecoderOf(job::FormatType::kJson, plain);
  const std::string text = fuzz::Encoded(job::FormatType::kJson, plain, whole);
  const fuzz::Rows again = fuzz::DecodeRows(*reader, text, text.size() + 1);
  fuzz::Expect(again.bad == 0 && fuzz::Encoded(job::FormatType::kJson, plain, again) == text,
               "what is written can be read again, and is the same");
}
