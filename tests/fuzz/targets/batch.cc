// The wire form of a batch.
#include <string>

#include "common/batch/batch.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/targets/text_rows.h"

WEIR_FUZZ_TARGET(batch, input) {
  using namespace weir;
  static const batch::SchemaPtr schema = fuzz::RowSchema();
  const auto decoded = batch::DecodeBatch(schema, batch::Buffer::Copy(input));
  if (!decoded.ok()) return;
  constexpr int64_t kShown = 200;
  std::string rows, again_rows;
  for (int64_t row = 0; row < std::min(decoded->rows, kShown); ++row) rows += batch::RowToString(*decoded, row);
  std::string bytes;
  batch::EncodeBatch(*decoded, &bytes);
  const auto again = batch::DecodeBatch(schema, batch::Buffer::Copy(bytes));
  fuzz::Expect(again.ok() && again->rows == decoded->rows, "what was read can be written and read");
  for (int64_t row = 0; row < std::min(again->rows, kShown); ++row) again_rows += batch::RowToString(*again, row);
  fuzz::Expect(rows == again_rows, "and is the same");
}
