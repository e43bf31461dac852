#include "common/config/yaml/document.h"

#include <catch2/catch.hpp>

#include "common/config/yaml/environment.h"

namespace weir::config {
namespace {

Value Parse(std::string_view text) {
  Diagnostics diagnostics;
  std::optional<Value> value = ParseYaml(text, &diagnostics);
  INFO(diagnostics.ToStatus().message());
  REQUIRE(diagnostics.ok());
  REQUIRE(value.has_value());
  return *std::move(value);
}

/// `LINE:COLUMN: MESSAGE` of the only error.
std::string OnlyError(std::string_view text, const DocumentLimits& limits = {}) {
  Diagnostics diagnostics;
  ParseYaml(text, &diagnostics, limits);
  REQUIRE(diagnostics.errors().size() == 1);
  return std::string(diagnostics.ToStatus().message());
}

/// Text of the line from the place on.
std::string TextAt(std::string_view text, Location place) {
  size_t at = 0;
  for (int32_t line = 1; line < place.line; ++line) at = text.find('\n', at) + 1;
  at += place.column - 1;
  return std::string(text.substr(at, text.find('\n', at) - at));
}

TEST_CASE("document: scalars are typed by the core schema and keep their text and place") {
  const Value root = Parse("a: 17\nb: 1.5\nc: true\nd: ~\ne: \"17\"\nf: off\ng: [1, x]\nh:\n");
  CHECK(root.Find("a")->integer == 17);
  CHECK(root.Find("a")->text == "17");
  CHECK(root.Find("b")->number == 1.5);
  CHECK(root.Find("c")->boolean);
  CHECK(root.Find("d")->kind == Value::Kind::kNull);
  CHECK(root.Find("e")->kind == Value::Kind::kString);
  CHECK(root.Find("f")->kind == Value::Kind::kString);
  CHECK(root.Find("g")->items[1].text == "x");
  CHECK(root.Find("g")->items[1].location == Location{7, 8});
  CHECK(root.Find("h")->location == Location{8, 1});
  CHECK(root.entries[2].key_location == Location{3, 1});
}

TEST_CASE("document: a duplicate key is reported with the line of the first, which counts") {
  Diagnostics diagnostics;
  const std::optional<Value> root = ParseYaml("a: 1\nb: {c: 1, c: 2}\na: 3\n", &diagnostics);
  REQUIRE(root.has_value());
  REQUIRE(diagnostics.errors().size() == 2);
  CHECK(diagnostics.errors()[0].message == "duplicate key `c` (first in line 2)");
  CHECK(diagnostics.errors()[1].location == Location{3, 1});
  CHECK(root->Find("a")->integer == 1);
}

TEST_CASE("document: a syntax error is reported alone, with its place") {
  CHECK(OnlyError("a: [1, 2\nb: 3\n").substr(0, 2) == "2:");
  CHECK_THAT(OnlyError("a: {b: 1\n"), Catch::Contains("not YAML"));
  CHECK_THAT(OnlyError("a: \"x\n"),
             Catch::Contains("1:4: not YAML: a quoted string without its closing quote"));
  CHECK_THAT(OnlyError("a: 'it''s\nb: 1\n"), Catch::Contains("closing quote"));
  CHECK_THAT(OnlyError(std::string("a: b\0c\n", 7)), Catch::Contains("NUL"));
  CHECK_THAT(OnlyError("a: 1\nb: \xff\n"), Catch::Contains("2:1: bytes that are not UTF-8"));
  CHECK_THAT(OnlyError("a: 1\n---\nb: 2\n"), Catch::Contains("a second document"));
}

TEST_CASE("document: limits hold against size, depth and aliases") {
  CHECK_THAT(OnlyError(std::string(10 << 20, 'x')), Catch::Contains("larger than 1MiB"));
  CHECK_THAT(OnlyError(std::string(200, '[')), Catch::Contains("nested deeper than 64"));
  CHECK_THAT(OnlyError(std::string(100'000, '[')), Catch::Contains("nested deeper"));
  std::string block;
  for (int i = 0; i < 300; ++i) block += std::string(i, ' ') + "a:\n";
  CHECK_THAT(OnlyError(block), Catch::Contains("nested deeper"));
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) bomb += before + ", ";
    bomb += before + "]\n";
  }
  CHECK_THAT(OnlyError(bomb), Catch::Contains("aliases count as often as used"));
  CHECK_THAT(OnlyError("a: &x [*x]\n"), Catch::Contains("alias"));
  CHECK_THAT(OnlyError("a: *nowhere\n"), Catch::Contains("not YAML"));
}

TEST_CASE("document: aliases stand for their values") {
  const Value root = Parse("a: &x {b: 1}\nc: *x\nd: &y text\ne: *y\n");
  CHECK(*root.Find("c") == *root.Find("a"));
  CHECK(root.Find("e")->text == "text");
  CHECK(root.Find("d")->location == Location{3, 7});
}

TEST_CASE("document: merge keys, tags and keys that are no scalars are refused") {
  CHECK_THAT(OnlyError("a: &x {b: 1}\nc: {<<: *x}\n"), Catch::Contains("merge keys"));
  CHECK_THAT(OnlyError("a: !mine 1\n"), Catch::Contains("tag"));
  CHECK_THAT(OnlyError("? [a]\n: 1\n"), Catch::Contains("a key must be a scalar"));
  CHECK(Parse("a: !!str 5\n").Find("a")->kind == Value::Kind::kString);
}

TEST_CASE("document: a byte of a scalar is found in the source in every style") {
  const std::string text =
      "plain: abc def\n"
      "single: 'it''s here'\n"
      "double: \"a\\\"b \\u00e4x\"\n"
      "folded: one\n  two three\n"
      "block: |\n  first\n  second line\n"
      "anchored: &a some text\n";
  const Value root = Parse(text);
  auto at = [&](const char* key, const char* word) {
    const Value& value = *root.Find(key);
    return TextAt(text,
                  PlaceInScalar(text, value.location, static_cast<int64_t>(value.text.find(word))));
  };
  CHECK(at("plain", "def") == "def");
  CHECK(at("single", "here") == "here'");
  CHECK(at("double", "b ") == "b \\u00e4x\"");
  CHECK(at("folded", "three") == "three");
  CHECK(at("block", "line") == "line");
  CHECK(at("block", "first") == "first");
  CHECK(at("anchored", "text") == "text");
  CHECK(PlaceInScalar(text, {99, 1}, 3) == Location{99, 1});
}

TEST_CASE("document: what is rendered has file, line, column, the line and a caret, in order") {
  Diagnostics diagnostics;
  diagnostics.Error({2, 3}, "later");
  diagnostics.Error({1, 1}, "earlier");
  diagnostics.Error({1, 1}, "earlier");
  CHECK(Render("f.yaml", "abc\n\tä: x\n", diagnostics) ==
        "f.yaml:1:1: error: earlier\n  abc\n  ^\n"
        "f.yaml:2:3: error: later\n  \tä: x\n  \t ^\n");
  Diagnostics nowhere;
  nowhere.Error({}, "all");
  nowhere.Error({70, 7}, "beyond");
  CHECK(Render("f", "", nowhere) == "f:1:1: error: all\n  \n  ^\nf:70:7: error: beyond\n");
}

TEST_CASE(
    "environment: variables are expanded in values, typed after it, and missing ones are errors") {
  const Environment environment = {{"N", "5"}, {"EMPTY", ""}, {"TRICK", "${env:N}"}};
  Value root = Parse(
      "a: ${env:N}\nb: '${env:N}'\nc: x-${env:NONE:-d}-${env:N}\nd: ${env:EMPTY:-e}\ne: "
      "[\"${env:TRICK}\"]\n");
  Diagnostics diagnostics;
  ExpandEnvironment(environment, &root, &diagnostics);
  CHECK(diagnostics.ok());
  CHECK(root.Find("a")->kind == Value::Kind::kInt);
  CHECK(root.Find("b")->kind == Value::Kind::kString);
  CHECK(root.Find("c")->text == "x-d-5");
  CHECK(root.Find("d")->text == "e");
  CHECK(root.Find("e")->items[0].text == "${env:N}");
  Value bad = Parse("a: ${env:NONE}\nb: '${env:N'\nc: ${env:a b}\n");
  ExpandEnvironment(environment, &bad, &diagnostics);
  REQUIRE(diagnostics.errors().size() == 3);
  CHECK(diagnostics.errors()[0].message ==
        "environment variable `NONE` is not set, and there is no default (`${env:NONE:-default}`)");
}

}  // namespace
}  // namespace weir::config
