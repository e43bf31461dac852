#include <string>
#include <vector>

#include "common/base/rng.h"
#include "tests/unit/taskmanager/format/decoding.h"

namespace weir::taskmanager {
namespace {

using job::FormatType;

Decoded Json(const std::string& type, const std::string& value) {
  auto decoder = MakeTestDecoder(FormatType::kJson, SchemaOf({{"x", type}}));
  Decoded fast = DecodeAll(*decoder, "{\"x\":" + value + "}\n");
  // A tab makes the line unusual: the other way through the decoder has to agree.
  Decoded slow = DecodeAll(*decoder, "\t{\"x\":" + value + "}\n");
  CHECK(fast.rows == slow.rows);
  CHECK(fast.bad == slow.bad);
  return fast;
}

struct Case {
  std::string type, json, expected;  // `!` and a part of the message: a bad row
};

TEST_CASE("json values by type", "[json]") {
  const std::vector<Case> cases = {
      {"bigint", "17", "17"},
      {"bigint", "-0", "0"},
      {"bigint", " 12 ", "12"},
      {"bigint", "9223372036854775807", "9223372036854775807"},
      {"bigint", "-9223372036854775808", "-9223372036854775808"},
      {"bigint", "9223372036854775808", "!too large"},
      {"bigint", "1.0", "!not written as an integer"},
      {"bigint", "1.5", "!not written as an integer"},
      {"bigint", "1e3", "!not written as an integer"},
      {"bigint", "01", "!not a number"},
      {"bigint", "1x", "!not a number"},
      {"bigint", "-", "!not a number"},
      {"bigint", "\"5\"", "!is a string"},
      {"bigint", "true", "!a boolean"},
      {"bigint", "{}", "!an object"},
      {"bigint", "[1]", "!an array"},
      {"bigint", "null", "NULL"},
      {"bigint not null", "null", "!is null"},
      {"int", "2147483647", "2147483647"},
      {"int", "-2147483648", "-2147483648"},
      {"int", "2147483648", "!too large"},
      {"int", "2.5", "!not written as an integer"},
      {"double", "1", "1"},
      {"double", "-1.25e2", "-125"},
      {"double", "1e-400", "0"},
      {"double", "1e999", "!too large"},
      {"double", "1.", "!not a number"},
      {"double", ".5", "!"},
      {"double", "\"1\"", "!is a string"},
      {"boolean", "true", "true"},
      {"boolean", "false", "false"},
      {"boolean", "truely", "!"},
      {"boolean", "1", "!is a number"},
      {"decimal(12,2)", "12.34", "12.34"},
      {"decimal(12,2)", "-0.5", "-0.50"},
      {"decimal(12,2)", "12.345", "12.35"},
      {"decimal(12,2)", "-12.345", "-12.35"},
      {"decimal(12,2)", "12.344999", "12.34"},
      {"decimal(12,2)", "1e3", "1000.00"},
      {"decimal(12,2)", "9999999999.99", "9999999999.99"},
      {"decimal(12,2)", "9999999999.999", "!too large"},
      {"decimal(12,2)", "10000000000", "!too large"},
      {"decimal(38,20)", "123456789012345678.5", "123456789012345678.50000000000000000000"},
      {"decimal(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
      {"decimal(12,2)", "\"1.5\"", "!is a string"},
      {"string", "\"abc\"", "\"abc\""},
      {"string", "\"\"", "\"\""},
      {"string", "\"exactly12chr\"", "\"exactly12chr\""},
      {"string", "\"thirteen chars\"", "\"thirteen chars\""},
      {"string", "\"a\\\"b\\u00e9\\n\"", "\"a\"bé\n\""},
      {"string", "\"a long one with an \\\"escape\\\" in it\"", "\"a long one with an \"escape\" in it\""},
      {"string", "\"näïve ☃ 漢字\"", "\"näïve ☃ 漢字\""},
      {"string", "\"\xff\xfe\"", "!not valid JSON"},
      {"string", "\"\\q\"", "!not valid JSON"},
      {"string", "7", "!is a number"},
      {"bytes", "\"abc\"", "\"abc\""},
      {"timestamp", "1700000000000", "2023-11-14 22:13:20"},
      {"timestamp", "-1", "1969-12-31 23:59:59.999"},
      {"timestamp", "1.5", "1970-01-01 00:00:00.001500"},
      {"timestamp", "\"2023-11-14T22:13:20Z\"", "2023-11-14 22:13:20"},
      {"timestamp", "\"2023-11-14T23:13:20.25+01:00\"", "2023-11-14 22:13:20.250"},
      {"timestamp", "\"yesterday\"", "!not RFC 3339"},
      {"timestamp", "9223372036854776", "!too large"},
      {"timestamp", "true", "!a boolean"},
      {"date", "\"2024-02-29\"", "2024-02-29"},
      {"date", "\"2023-02-29\"", "!YYYY-MM-DD"},
  };
  for (const Case& c : cases) {
    INFO(c.type << " from " << c.json);
    const Decoded decoded = Json(c.type, c.json);
    if (c.expected[0] == '!') {
      REQUIRE(decoded.rows.empty());
      REQUIRE(decoded.bad.size() == 1);
      CHECK(decoded.bad[0].find(c.expected.substr(1)) != std::string::npos);
    } else {
      INFO((decoded.bad.empty() ? "" : decoded.bad[0]));
      CHECK(decoded.rows == std::vector<std::string>{"{x: " + c.expected + "}"});
    }
  }
}

TEST_CASE("json lines: structure", "[json]") {
  auto decoder = MakeTestDecoder(FormatType::kJson, SchemaOf({{"a", "bigint"}, {"b", "string"}}));
  struct Line {
    std::string text, expected;
  };
  const std::vector<Line> lines = {
      {R"({"a":1,"b":"x"})", R"({a: 1, b: "x"})"},
      {R"(  { "b" : "x" , "a" : 1 }  )", R"({a: 1, b: "x"})"},
      {R"({})", R"({a: NULL, b: NULL})"},
      {R"({ })", R"({a: NULL, b: NULL})"},
      {R"({"c":[1,{"a":2}],"a":3})", R"({a: 3, b: NULL})"},
      {R"({"c":{"a":"}"},"a":3})", R"({a: 3, b: NULL})"},
      {R"({"c":12..3,"a":3})", R"({a: 3, b: NULL})"},  // nobody reads c
      {R"({"c":nonsense,"a":3})", R"({a: 3, b: NULL})"},
      {R"({"a":1,"a":2})", R"({a: 2, b: NULL})"},
      {R"({"a":1,"b":"x","a":null})", R"({a: NULL, b: "x"})"},
      {R"({"\u0061":5})", R"({a: 5, b: NULL})"},
      {R"({"a":1,"b":"a\\"})", R"({a: 1, b: "a\"})"},
      {"{\"a\":1}\r", R"({a: 1, b: NULL})"},
      {R"({"a":1)", "!"},
      {R"({"a":1,})", "!"},
      {R"({"a" 1})", "!"},
      {R"({"a":})", "!"},
      {R"({a:1})", "!"},
      {R"({"a":1}})", "!"},
      {R"({"a":1}{"a":2})", "!"},
      {R"({"a":1} x)", "!"},
      {R"([1])", "!an array"},
      {R"("text")", "!a string"},
      {R"(17)", "!a number"},
      {R"(garbage)", "!"},
      {R"({"b":"never closed})", "!"},
      {R"({"a":1 "b":"x"})", "!"},
      {std::string("{\"b\":\"nul\0\"}", 12), "!"},
  };
  // Each bad line stands before a good one, which must not notice.
  std::string text;
  std::vector<std::string> rows;
  size_t bad = 0;
  for (const Line& line : lines) {
    INFO(line.text);
    for (const std::string& prefix : {std::string(), std::string("\t")}) {
      Decoded decoded = DecodeAll(*decoder, prefix + line.text + "\n{\"a\":7,\"b\":\"next\"}\n");
      if (line.expected[0] == '!') {
        REQUIRE(decoded.bad.size() == 1);
        CHECK(decoded.bad[0].find(line.expected.substr(1)) != std::string::npos);
        CHECK(decoded.rows == std::vector<std::string>{R"({a: 7, b: "next"})"});
      } else {
        INFO((decoded.bad.empty() ? "" : decoded.bad[0]));
        CHECK(decoded.rows == std::vector<std::string>{line.expected, R"({a: 7, b: "next"})"});
      }
    }
    text += line.text + "\n";
    if (line.expected[0] == '!') {
      ++bad;
    } else {
      rows.push_back(line.expected);
    }
  }
  text += "   \n\r\n\n";  // blank lines are no rows
  text.pop_back();
  for (size_t chunk : {size_t{1}, size_t{7}, size_t{64}, text.size()}) {
    for (int64_t max_rows : {1, 3, 1000}) {
      const Decoded decoded = DecodeAll(*decoder, text, chunk, max_rows);
      CHECK(decoded.rows == rows);
      CHECK(decoded.bad.size() == bad);
    }
  }
}

TEST_CASE("json: nested paths, unwanted and required columns", "[json]") {
  auto schema = SchemaOf({{"shop.name", "string"}, {"shop.at.city", "string"}, {"n", "bigint"}, {"ts", "timestamp"}});
  auto decoder = MakeTestDecoder(FormatType::kJson, schema, {true, true, false, true}, {false, false, false, true});
  const Decoded decoded =
      DecodeAll(*decoder, R"({"shop":{"name":"a","at":{"city":"b","x":1},"n":1},"n":"not read","ts":0})"
                          "\n"
                          R"({"ts":0,"shop":null})"
                          "\n"
                          R"({"ts":0,"shop":{"name":"has \"escapes\""}})"
                          "\n"
                          R"({"ts":0,"shop":5})"
                          "\n"
                          R"({"ts":null})"
                          "\n"
                          R"({"shop":{}})"
                          "\n");
  CHECK(decoded.rows == std::vector<std::string>{
                            R"({shop.name: "a", shop.at.city: "b", n: NULL, ts: 1970-01-01 00:00:00})",
                            "{shop.name: NULL, shop.at.city: NULL, n: NULL, ts: 1970-01-01 00:00:00}",
                            R"({shop.name: "has "escapes"", shop.at.city: NULL, n: NULL, ts: 1970-01-01 00:00:00})"});
  CHECK(decoded.bad ==
        std::vector<std::string>{"`shop`: expected an object, found a number", "`ts` is null", "`ts` is missing"});
}

TEST_CASE("json: both ways through the decoder agree on mangled lines", "[json]") {
  auto schema = SchemaOf({{"user", "string"}, {"amount", "decimal(12,2)"}, {"ts", "timestamp"}, {"o.k", "double"}});
  auto fast = MakeTestDecoder(FormatType::kJson, schema);
  auto slow = MakeTestDecoder(FormatType::kJson, schema);
  const std::vector<std::string> seeds = {
      R"({"user":"u01234","amount":12.34,"ts":1700000000000})",
      R"({"ts": "2023-11-14T22:13:20Z", "o": {"k": 1.5e3, "z": [1, 2]}, "user": "somebody with a long name"})",
      R"({"x":{"y":[{}]},"amount":null,"user":"é","o":{"k":-0.0}})",
  };
  const std::string alphabet = "{}[]\",:\\ 0123456789.eE+-truefalsn\x01\xc3\xa9u";
  Rng rng(7);
  int good = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string line = seeds[rng.Below(seeds.size())];
    for (uint64_t edits = rng.Below(4); edits > 0; --edits) {
      const size_t at = rng.Below(line.size());
      switch (rng.Below(3)) {
        case 0:
          line[at] = alphabet[rng.Below(alphabet.size())];
          break;
        case 1:
          line.erase(at, 1 + rng.Below(3));
          break;
        default:
          line.insert(at, 1, alphabet[rng.Below(alphabet.size())]);
          break;
      }
      if (line.empty()) line = "{";
    }
    const Decoded a = DecodeAll(*fast, line + "\n" + seeds[0] + "\n");
    const Decoded b = DecodeAll(*slow, "\t" + line + "\n" + seeds[0] + "\n");
    INFO(line);
    INFO((a.bad.empty() ? "good" : a.bad[0]) << " / " << (b.bad.empty() ? "good" : b.bad[0]));
    REQUIRE(a.rows == b.rows);
    REQUIRE(a.bad.size() == b.bad.size());
    good += a.bad.empty();
  }
  CHECK(good > 5000);
}

TEST_CASE("raw lines pass unchanged", "[raw]") {
  auto decoder = MakeTestDecoder(FormatType::kRaw, SchemaOf({{"value", "bytes not null"}}));
  const std::string end = std::string("end") + '\0' + "x";
  const std::string text = "a\r\n\nlonger than twelve bytes \xff\n" + end;
  for (size_t chunk : {size_t{1}, size_t{5}, text.size()}) {
    const Decoded decoded = DecodeAll(*decoder, text, chunk);
    CHECK(decoded.rows == std::vector<std::string>{"{value: \"a\r\"}", "{value: \"\"}",
                                                   "{value: \"longer than twelve bytes \xff\"}",
                                                   "{value: \"" + end + "\"}"});
  }
}

}  // namespace
}  // namespace weir::taskmanager
