#include "taskmanager/format/decoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "taskmanager/format/csv_decoder.h"
#include "taskmanager/format/json_decoder.h"

namespace weir::taskmanager {
namespace {

/// Lines as they are, a row each: all bytes but the '\n'.
class RawDecoder final : public Decoder {
 public:
  explicit RawDecoder(DecoderOptions options)
      : rows_(options.schema, options.wanted, options.required),
        some_wanted_(options.schema->size() > 0 && rows_.wanted(0)) {}

  DecodeResult Decode(const DecodeInput& input, int64_t max_rows) override {
    DecodeResult result;
    const char* const base = input.buffer->data();
    const char* const limit = base + input.to;
    const char* const stop = base + std::min(input.stop, input.to);
    const char* p = base + input.from;
    rows_.Start(std::min<int64_t>(max_rows, limit - p + 1));
    while (p < stop && rows_.rows() < max_rows) {
      const auto* end = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(limit - p)));
      if (end == nullptr && !input.end_of_input) break;
      const char* const line_end = end == nullptr ? limit : end;
      rows_.BeginRow();
      if (some_wanted_) rows_.SetText(0, {p, static_cast<size_t>(line_end - p)});
      rows_.EndRow(nullptr);
      p = end == nullptr ? limit : end + 1;
    }
    result.next = static_cast<size_t>(p - base);
    result.batch = rows_.Finish(input.buffer);
    return result;
  }

 private:
  RowBuilder rows_;
  const bool some_wanted_;
};

}  // namespace

DecoderOptions DecoderOptionsOf(const job::Node& source, batch::SchemaPtr schema, std::vector<bool> wanted) {
  DecoderOptions options;
  options.format = source.format.type;
  options.schema = std::move(schema);
  options.wanted = std::move(wanted);
  options.required.assign(options.schema->fields.size(), false);
  if (source.event_time) {
    const int column = options.schema->IndexOf(source.event_time->field.text);
    if (column >= 0) {
      options.required[column] = true;
      if (!options.wanted.empty()) options.wanted[column] = true;
    }
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Decoder>> MakeDecoder(DecoderOptions options) {
  switch (options.format) {
    case job::FormatType::kCsv:
      return std::make_unique<CsvDecoder>(std::move(options));
    case job::FormatType::kRaw:
      // No column at all: somebody only counts the lines.
      if (options.schema->size() > 1 ||
          (options.schema->size() == 1 && !batch::IsVariable(options.schema->fields[0].type.kind))) {
        return absl::InvalidArgumentError("format raw makes one column of bytes, `value`, and no others");
      }
      return std::make_unique<RawDecoder>(std::move(options));
    case job::FormatType::kJson:
    case job::FormatType::kNone:
      return std::make_unique<JsonDecoder>(std::move(options));
  }
  return absl::InvalidArgumentError("no such format");
}

}  // namespace weir::taskmanager
