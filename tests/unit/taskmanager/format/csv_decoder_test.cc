#include <string>
#include <vector>

#include "tests/unit/taskmanager/format/decoding.h"

namespace weir::taskmanager {
namespace {

Decoded Csv(batch::SchemaPtr schema, const std::string& text, size_t chunk = 1 << 20) {
  auto decoder = MakeTestDecoder(job::FormatType::kCsv, std::move(schema));
  const auto header = decoder->ReadHeader(text, true);
  REQUIRE(header.ok());
  return DecodeAll(*decoder, std::string_view(text).substr(*header), chunk);
}

TEST_CASE("csv: quotes, line ends, NULLs, columns by name", "[csv]") {
  const std::string text =
      "\xef\xbb\xbf"
      "b,extra,\"a\"\r\n"
      "x,1,1\r\n"
      "\"two\nlines, and a comma\",2,2\n"
      "\"say \"\"hi\"\"\",3,3\n"
      ",4,\n"
      "\"\",5,+005\n"
      "\n"
      "last,6,6";
  const std::vector<std::string> expected = {R"({a: 1, b: "x"})",        "{a: 2, b: \"two\nlines, and a comma\"}",
                                             R"({a: 3, b: "say "hi""})", "{a: NULL, b: NULL}",
                                             R"({a: 5, b: ""})",         R"({a: 6, b: "last"})"};
  for (size_t chunk = 1; chunk < text.size(); ++chunk) {
    const Decoded decoded = Csv(SchemaOf({{"a", "bigint"}, {"b", "string"}}), text, chunk);
    CHECK(decoded.rows == expected);
    CHECK(decoded.bad.empty());
  }
}

TEST_CASE("csv: a bad row is bad alone", "[csv]") {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"1", "1 field, but the header has 2"},
      {"1,2,3", "3 fields"},
      {"x,1", "`x` is not a bigint"},
      {"1.5,1", "not a bigint"},
      {"\"\",1", "not a bigint"},
      {"1,a\"b", "a quote inside"},
      {"1,\"a\"b", "behind a closing quote"},
      {"1,\"never closed", "not closed"},
      {",1", "`a` is empty"},
  };
  for (const auto& [line, message] : bad) {
    for (size_t chunk : {size_t{1}, size_t{1000}}) {
      INFO(line);
      const Decoded decoded =
          Csv(SchemaOf({{"a", "bigint not null"}, {"b", "string"}}), "a,b\n" + line + "\n7,good\n8,good\n", chunk);
      REQUIRE(decoded.bad.size() == 1);
      CHECK(decoded.bad[0].find(message) != std::string::npos);
      CHECK(decoded.rows == std::vector<std::string>{R"({a: 7, b: "good"})", R"({a: 8, b: "good"})"});
    }
  }
}

TEST_CASE("csv: types", "[csv]") {
  auto schema = SchemaOf(
      {{"t", "boolean"}, {"i", "int"}, {"d", "double"}, {"m", "decimal(6,2)"}, {"at", "timestamp"}, {"on", "date"}});
  const Decoded decoded = Csv(schema,
                              "t,i,d,m,at,on\nTRUE,-1,1e3,12.345,2024-01-01T00:00:00Z,2024-02-29\n"
                              "false,2,.5,+1,1000,1970-01-01\n");
  CHECK(decoded.bad.empty());
  CHECK(decoded.rows ==
        std::vector<std::string>{"{t: true, i: -1, d: 1000, m: 12.35, at: 2024-01-01 00:00:00, on: 2024-02-29}",
                                 "{t: false, i: 2, d: 0.5, m: 1.00, at: 1970-01-01 00:00:01, on: 1970-01-01}"});
}

TEST_CASE("csv: headers that do not fit", "[csv]") {
  auto decoder = MakeTestDecoder(job::FormatType::kCsv, SchemaOf({{"a", "bigint not null"}, {"b", "string"}}));
  CHECK(decoder->ReadHeader("x,b\n", true).status().message() == "the header has no `a`, only x, b");
  CHECK(decoder->ReadHeader("a,a\n", true).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(decoder->ReadHeader("a,\"b", false).value() == 0);
  CHECK(decoder->ReadHeader("a,b", false).value() == 0);
  CHECK(decoder->ReadHeader("a\n1\n", true).value() == 2);
}

}  // namespace
}  // namespace weir::taskmanager
