#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taskmanager/format/decoder.h"
#include "taskmanager/format/encoder.h"
#include "tests/fuzz/fuzz_target.h"

namespace weir::fuzz {

/// `last`: the name of the last column; the default is a path in JSON.
inline batch::SchemaPtr RowSchema(const std::string& last = "shop.name") {
  auto schema = std::make_shared<batch::Schema>();
  for (const auto& [name, type] : std::vector<std::pair<std::string, std::string>>{
           {"b", "boolean"}, {"i", "int"}, {"l", "bigint not null"}, {"d", "double"}, {"m", "decimal(12,2)"},
           {"s", "string"}, {"y", "bytes"}, {"t", "timestamp"}, {"dt", "date"}, {last, "string"}}) {
    schema->fields.push_back({name, *batch::ParseDataType(type)});
  }
  return schema;
}

struct Rows {
  std::vector<batch::Batch> batches;
  std::vector<std::string> rows;
  size_t bad = 0;
};

/// Decodes as a reader of files does that gets `chunk` bytes at a time.
inline Rows DecodeRows(taskmanager::Decoder& decoder, std::string_view text, size_t chunk) {
  Rows out;
  size_t from = 0, to = 0;
  if (decoder.has_header()) {
    const auto header = decoder.ReadHeader(text, true);
    if (!header.ok()) return out;
    Expect(*header <= text.size(), "a header lies in the file");
    from = to = *header;
  }
  while (from < text.size()) {
    to = std::min(text.size(), std::max(to, from) + chunk);
    auto buffer = batch::Buffer::Allocate(to + 1);
    std::memcpy(buffer->data(), text.data(), to);
    std::memset(buffer->data() + to, 0, 1);
    const bool last = to == text.size();
    const auto result = decoder.Decode({buffer, from, to, to, last}, 100);
    Expect(result.next >= from && result.next <= to, "the next row lies in the input");
    for (int64_t row = 0; row < result.batch.rows; ++row) out.rows.push_back(batch::RowToString(result.batch, row));
    for (const auto& bad : result.bad) Expect(bad.from >= from && bad.size <= to - bad.from, "a bad row lies in the input");
    out.bad += result.bad.size();
    if (result.batch.rows > 0) out.batches.push_back(result.batch);
    if (result.next == from && last) {
      Expect(false, "at the end of the input every row is taken");
    }
    from = result.next;
  }
  return out;
}

inline std::unique_ptr<taskmanager::Decoder> DecoderOf(job::FormatType format, const batch::SchemaPtr& schema) {
  taskmanager::DecoderOptions options;
  options.format = format;
  options.schema = schema;
  return std::move(taskmanager::MakeDecoder(options).value());
}
inline std::string Encoded(job::FormatType format, const batch::SchemaPtr& schema, const Rows& rows) {
  job::Format as;
  as.type = format;
  const auto encoder = std::move(taskmanager::MakeEncoder(as, schema).value());
  std::string text;
  encoder->AppendHeader(&text);
  for (const batch::Batch& batch : rows.batches) encoder->Append(batch, &text);
  return text;
}

}  // namespace weir::fuzz
