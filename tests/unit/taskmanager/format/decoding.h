#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch2/catch.hpp"
#include "taskmanager/format/decoder.h"

namespace weir::taskmanager {

inline batch::SchemaPtr SchemaOf(std::vector<std::pair<std::string, std::string>> fields) {
  auto schema = std::make_shared<batch::Schema>();
  for (auto& [name, type] : fields) {
    const auto parsed = batch::ParseDataType(type);
    REQUIRE(parsed.has_value());
    schema->fields.push_back({name, *parsed});
  }
  return schema;
}

inline std::unique_ptr<Decoder> MakeTestDecoder(job::FormatType format, batch::SchemaPtr schema,
                                                std::vector<bool> wanted = {}, std::vector<bool> required = {}) {
  DecoderOptions options;
  options.format = format;
  options.schema = std::move(schema);
  options.wanted = std::move(wanted);
  options.required = std::move(required);
  auto decoder = MakeDecoder(std::move(options));
  REQUIRE(decoder.ok());
  return std::move(*decoder);
}

/// Rows as text; of bad ones `!` and the message.
struct Decoded {
  std::vector<std::string> rows;
  std::vector<std::string> bad;
};

/// Decodes a whole text given in pieces of `chunk` bytes, as a reader of files would.
inline Decoded DecodeAll(Decoder& decoder, std::string_view text, size_t chunk = 1 << 20, int64_t max_rows = 1000) {
  Decoded out;
  size_t from = 0, to = 0;
  while (from < text.size()) {
    // What lies behind the bytes at hand must never be looked at: it would look like JSON.
    auto buffer = batch::Buffer::Allocate(text.size() + 64);
    std::memset(buffer->data(), '}', buffer->size());
    to = std::max(to, std::min(text.size(), from + chunk));
    std::memcpy(buffer->data(), text.data(), to);
    buffer->data()[to] = '\0';
    DecodeInput input{buffer, from, to, to, to == text.size()};
    const DecodeResult result = decoder.Decode(input, max_rows);
    for (int64_t row = 0; row < result.batch.rows; ++row) out.rows.push_back(RowToString(result.batch, row));
    for (const BadRow& bad : result.bad) out.bad.push_back(bad.message);
    REQUIRE(result.next >= from);
    if (result.next == from) {
      REQUIRE(to < text.size());
      to = std::min(text.size(), to + chunk);
    }
    from = result.next;
  }
  return out;
}

}  // namespace weir::taskmanager
