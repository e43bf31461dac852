// What does not parse or bind, said with its place; nothing crashes.
#include <catch2/catch.hpp>

#include "common/base/rng.h"
#include "tests/unit/expression/fixture.h"

using namespace weir;
using namespace weir::expression;
using namespace weir::expression::test;

TEST_CASE("problems have a place and a hint") {
  struct Case {
    const char* text;
    const char* wanted;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"", "0+0: the expression is empty"},
           {"1 +",
            "3+0: expected a value, a column or a function, found the end of the expression"},
           {"(1 + 2", "0+1: this `(` is not closed"},
           {"1 + 2)", "5+1: this `)` closes nothing"},
           {"i == 1", "2+2: `==` is not SQL; write `=`"},
           {"'abc", "0+1: this string is not closed by a single quote"},
           {"i + 99999999999999999999",
            "4+20: the integer 99999999999999999999 is too large for bigint; as a decimal it is "
            "written 99999999999999999999.0"},
           {"1e999", "0+5: the number 1e999 does not fit a double"},
           {"12abc",
            "0+5: `12abc` is neither a number nor a name; a name that starts with a digit is "
            "quoted with backticks"},
           {"shop.nmae = 'x'", "0+9: unknown column `shop.nmae`; did you mean `shop.name`?"},
           {"i + uper(s)", "4+7: unknown function `uper`; did you mean `upper`?"},
           {"upper(s, s)", "0+11: upper does not take 2 arguments; it is called as upper(s)"},
           {"upper(i)", "6+1: `i` is int, where upper needs string; convert it: CAST(i AS string)"},
           {"s + 1", "0+1: `+` adds numbers; strings are joined by `||`"},
           {"s = 1",
            "4+1: `=` cannot put string and int together; nothing is converted to or from string "
            "by itself, write CAST(… AS …)"},
           {"t > '2026-01-31'",
            "4+12: `>` cannot put timestamp and string together; a timestamp is written TIMESTAMP "
            "'2026-01-31 10:00:00'"},
           {"end",
            "0+3: expected a value, found the keyword `end` (a column of that name is quoted: "
            "\"end\")"},
           {"CAST(i AS strng)", "10+5: `strng` is no type; did you mean `string`?"},
           {"CAST(t AS bigint)",
            "0+17: there is no cast from timestamp to bigint; use timestamp_millis(n) and "
            "unix_millis(ts)"},
           {"sum(i)",
            "0+6: sum is an aggregate; it belongs into `aggregate` of a window_aggregate"},
           {"count(*)", "6+1: count(*) is an aggregate; it belongs into `aggregate`"},
           {"now()",
            "0+5: now() is not supported: a result must not depend on when or how often a row is "
            "processed"},
           {"random_int(1, 2)",
            "0+16: random_int may be used only in the fields of a generator source"},
           {"NULL", "0+4: this NULL has no type; write CAST(NULL AS string) or another type"},
           {"regexp_like(s, '(')", "15+3: bad regular expression: missing ): ("},
           {"i IS 5", "5+1: expected NULL, TRUE, FALSE or DISTINCT FROM after IS, found `5`"},
           {"CASE WHEN b THEN 1",
            "18+0: expected END to close CASE, found the end of the expression"},
           {"NOT i", "4+1: `i` is int, where not needs boolean"},
           {"i AND b", "0+1: `i` is int, where and needs boolean"},
           {"t - t",
            "0+5: the difference of two times has no type of its own; write timestampdiff(SECOND, "
            "from, to), or subtract their unix_millis"},
           {"TIMESTAMP 'soon'",
            "10+6: 'soon' is no timestamp; write TIMESTAMP '2026-01-31 10:00:00'"},
           {"s LIKE 'a\\'", "7+4: a LIKE pattern ends in its escape character"},
           {"date_format(t, 'foo')",
            "15+5: `f` means nothing in a time pattern; there are yyyy MM dd HH hh mm ss SSS a E D "
            "X, other text stands in quotes"}}) {
    INFO(c.text);
    CHECK(ProblemOf(c.text) == c.wanted);
  }
  BindOptions options;
  options.want_boolean = true;
  CHECK(Compile("i + 1", *Schema(), options).status().message() ==
        "at byte 0: a condition must be boolean, this is int");
}

TEST_CASE("deep and long input is refused or computed, never a crash") {
  auto repeated = [](std::string_view part, int times) {
    std::string out;
    for (int k = 0; k < times; ++k) out += part;
    return out;
  };
  CHECK(ProblemOf(repeated("(", 100'000)) ==
        "200+1: the expression is nested deeper than 200 levels");
  CHECK(ProblemOf(repeated("NOT ", 50'000) + "b").find("nested deeper") != std::string::npos);
  CHECK(ProblemOf(repeated("- ", 50'000) + "i").find("nested deeper") != std::string::npos);
  CHECK(ProblemOf("i" + repeated(" + i", 50'000)).find("hang on each other") != std::string::npos);
  CHECK(ProblemOf("i" + repeated("::bigint::int", 10'000)).find("hang on each other") !=
        std::string::npos);
  CHECK(ProblemOf(repeated("x", 300 * 1024)) == "0+1: the expression is longer than 256 KiB");
  CHECK(Value("i" + repeated(" + i", 900)) == "6307");
  CHECK(Value("i = 0" + repeated(" OR i = 7", 20'000)) == "true");  // chains of OR stay flat
  CHECK(Value("i IN (0" + repeated(", 7", 50'000) + ")") == "true");
  // Values used twice are computed once: without that these would take for ever.
  CHECK(Value(repeated("nullif(", 100) + "i + 0" + repeated(", 1)", 100)) == "7");
  CHECK(Value(repeated("(", 100) + "b AND b" + repeated(" BETWEEN FALSE AND TRUE)", 100)) ==
        "true");
}

TEST_CASE("random text and random tokens end in a value or a problem inside the text") {
  Rng rng(7);
  const char* kTokens[] = {"i",
                           "n",
                           "s",
                           "t",
                           "m",
                           "b",
                           "d",
                           "1",
                           "2.5",
                           "1e1",
                           "'x'",
                           "NULL",
                           "TRUE",
                           "+",
                           "-",
                           "*",
                           "/",
                           "%",
                           "=",
                           "<",
                           "||",
                           "(",
                           ")",
                           ",",
                           "AND",
                           "OR",
                           "NOT",
                           "IS",
                           "NULL",
                           "IN",
                           "(",
                           "BETWEEN",
                           "LIKE",
                           "CASE",
                           "WHEN",
                           "THEN",
                           "ELSE",
                           "END",
                           "CAST(",
                           "AS",
                           "int)",
                           "::string",
                           "upper(",
                           "coalesce(",
                           "round(",
                           "substring(",
                           "extract(hour FROM",
                           "INTERVAL '1' DAY",
                           "greatest("};
  int compiled = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    size_t length = 1 + rng.Below(9);
    for (size_t k = 0; k < length; ++k) {
      if (round % 4 == 0) {
        text.push_back(static_cast<char>(rng.Below(256)));
      } else {
        text += std::string(kTokens[rng.Below(std::size(kTokens))]) + " ";
      }
    }
    AstPtr ast;
    auto problem = Parse(text, &ast);
    BoundExpression bound;
    if (!problem) problem = Bind(ast, *Schema(), {}, &bound);
    if (problem) {
      INFO(text);
      REQUIRE(problem->offset + problem->length <= text.size());
      REQUIRE_FALSE(problem->message.empty());
      continue;
    }
    ++compiled;
    Evaluator evaluator(bound);
    batch::Column out;
    RowErrors errors;
    evaluator.Evaluate(Rows(), &out, &errors);
    REQUIRE(out.size() == 3);
    for (int64_t row = 0; row < 3; ++row) batch::ValueToString(out, row);
  }
  CHECK(compiled > 300);
}

TEST_CASE("aggregate calls") {
  auto parse = [](std::string_view text) {
    AggregateCall call;
    auto problem = ParseAggregate(text, &call);
    if (problem) return std::to_string(problem->offset) + ": " + problem->message;
    return std::string(ToString(call.function)) + (call.argument ? " argument" : "") +
           (call.filter ? " filter" : "");
  };
  CHECK(parse("count(*)") == "count(*)");
  CHECK(parse("COUNT(n)") == "count argument");
  CHECK(parse("count(DISTINCT upper(s))") == "count(distinct) argument");
  CHECK(parse("sum(m * 2) FILTER (WHERE i > 1)") == "sum argument filter");
  CHECK(parse("sum(m) + 1") ==
        "7: an entry of `aggregate` is one call, optionally with FILTER (WHERE …); compute further "
        "in a `select` behind it");
  CHECK(parse("cuont(*)") == "0: `cuont` is no aggregate; did you mean `count`?");
  CHECK(parse("amount") ==
        "0: an entry of `aggregate` is one call of count, sum, avg, min or max, as in sum(amount)");
  CHECK(parse("sum(*)").substr(0, 2) == "4:");

  AggregateCall call;
  REQUIRE_FALSE(ParseAggregate("avg(m) filter (where n is null)", &call));
  BoundExpression argument, filter;
  REQUIRE_FALSE(Bind(call.argument, *Schema(), {}, &argument));
  REQUIRE_FALSE(Bind(call.filter, *Schema(), {}, &filter));
  CHECK(argument.ColumnIndex() == 5);
  CHECK(argument.text() == "m");
  CHECK(filter.text() == "n is null");
  CHECK(batch::ToString(*AggregateType(AggregateFunction::kAvg, argument.type())) ==
        "decimal(38,6)");
  CHECK(batch::ToString(*AggregateType(AggregateFunction::kSum, argument.type())) ==
        "decimal(38,2)");
  CHECK(batch::ToString(*AggregateType(AggregateFunction::kCountStar, {})) == "bigint not null");
  CHECK_FALSE(AggregateType(AggregateFunction::kSum, {batch::TypeKind::kString}).ok());
}

TEST_CASE("what others ask of an expression") {
  auto bound = Compile("upper(shop.name) = 'A' AND i > n AND i > 0", *Schema());
  REQUIRE(bound.ok());
  CHECK(bound->columns() == std::vector<int>{1, 2, 9});
  CHECK_FALSE(bound->MayFail());
  CHECK_FALSE(bound->IsConstant());
  CHECK(Compile("1 + 2", *Schema())->IsConstant());
  CHECK(Compile("i", *Schema())->ColumnIndex() == 1);
  CHECK(ReferencedColumns(**Parse("a + b * a")) == std::vector<std::string>{"a", "b"});
  CHECK(*ColumnName(**Parse("`my col`")) == "my col");
  CHECK_FALSE(ColumnName(**Parse("a + 1")));
  CHECK(QuoteName("shop.name") == "shop.name");
  CHECK(QuoteName("my col") == "`my col`");
  CHECK(QuoteName("end") == "`end`");
  CHECK(*ColumnName(**Parse(QuoteName("a`b"))) == "a`b");
}
