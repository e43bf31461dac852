// NULL logic, and errors that belong to rows.
#include <catch2/catch.hpp>

#include "tests/unit/expression/fixture.h"

using namespace weir;
using namespace weir::expression;
using namespace weir::expression::test;

TEST_CASE("three-valued logic") {
  const char* kWords[] = {"TRUE", "FALSE", "CAST(NULL AS boolean)"};
  const char* kAnd[3][3] = {
      {"true", "false", "NULL"}, {"false", "false", "false"}, {"NULL", "false", "NULL"}};
  const char* kOr[3][3] = {
      {"true", "true", "true"}, {"true", "false", "NULL"}, {"true", "NULL", "NULL"}};
  for (int x = 0; x < 3; ++x) {
    for (int y = 0; y < 3; ++y) {
      INFO(kWords[x] << " " << kWords[y]);
      CHECK(Value(std::string(kWords[x]) + " AND " + kWords[y]) == kAnd[x][y]);
      CHECK(Value(std::string(kWords[x]) + " OR " + kWords[y]) == kOr[x][y]);
      // b is TRUE, FALSE, NULL in the three rows, so this goes through the kernels, not through
      // folding.
      CHECK(Value(std::string("b AND ") + kWords[y], x) == kAnd[x][y]);
      CHECK(Value(std::string("b OR ") + kWords[y], x) == kOr[x][y]);
      CHECK(Value(std::string("b AND (i > 100 OR ") + kWords[y] + ")", x) == kAnd[x][y]);
    }
  }
  CHECK(Values("NOT b") == "false | true | NULL");
  CHECK(Values("b IS TRUE") == "true | false | false");
  CHECK(Values("b IS NOT TRUE") == "false | true | true");
  CHECK(Values("b IS FALSE") == "false | true | false");
  CHECK(Values("b IS UNKNOWN") == "false | false | true");
}

TEST_CASE("NULL in, NULL out, but for the functions about NULL") {
  CHECK(Values("n + 1") == "3 | NULL | 1");
  CHECK(Values("n = NULL") == "NULL | NULL | NULL");
  CHECK(Values("n IS NULL") == "false | true | false");
  CHECK(Values("i IS NOT NULL") == "true | true | true");
  CHECK(Values("n IS DISTINCT FROM 2") == "false | true | true");
  CHECK(Values("n IS NOT DISTINCT FROM NULL") == "false | true | false");
  CHECK(Values("n IN (2, NULL)") == "true | NULL | NULL");
  CHECK(Values("n NOT IN (2, 3)") == "false | NULL | true");
  CHECK(Values("n BETWEEN 1 AND NULL") == "NULL | NULL | false");
  CHECK(Values("coalesce(n, 9)") == "2 | 9 | 0");
  CHECK(Values("coalesce(n, l, 1)") == "2 | 1 | 0");
  CHECK(Values("nullif(i, 7)") == "NULL | -3 | 0");
  CHECK(Values("nullif(i + 1, 8)") == "NULL | -2 | 1");
  CHECK(Values("s || '!'") == "hello! | NULL | Zażółć gęślą jaźń!");
  CHECK(Values("CASE n WHEN 2 THEN 'two' WHEN NULL THEN 'null' ELSE 'other' END") ==
        "two | other | other");
  CHECK(Values("CASE WHEN b THEN s END") == "hello | NULL | NULL");
  CHECK(Values("CASE WHEN b THEN 1 WHEN NOT b THEN 2 ELSE 3 END") == "1 | 2 | 3");
  CHECK(Values("greatest(n, 1)") == "2 | NULL | 1");
  CHECK(Values("s LIKE '%ll%'") == "true | NULL | false");
  CHECK(Values("upper(s)") == "HELLO | NULL | ZAŻÓŁĆ GĘŚLĄ JAŹŃ");
  CHECK(Values("m * d") == "25.625 | NULL | 1.775");
  CHECK(Type("coalesce(n, 9)") == "int not null");
  CHECK(Type("nullif(i, 7)") == "int");
}

TEST_CASE("errors belong to the rows where the value was needed") {
  CHECK(Values("10 / i") == "1 | -3 | error: division by zero in `10 / i`");
  CHECK(Values("10 / n") == "5 | NULL | error: division by zero in `10 / n`");
  CHECK(Values("1.5 / n") == "0.750000000000 | NULL | error: division by zero in `1.5 / n`");
  CHECK(Values("i <> 0 AND 10 / i > 0") == "true | false | false");
  CHECK(Values("i = 0 OR 10 / i > 0") == "true | false | true");
  CHECK(Values("CASE WHEN i <> 0 THEN 10 / i ELSE -1 END") == "1 | -3 | -1");
  CHECK(Values("CASE i WHEN 0 THEN 0 ELSE 10 / i END") == "1 | -3 | 0");
  CHECK(Values("coalesce(n, 10 / n)") == "2 | NULL | 0");
  CHECK(Values("coalesce(1 / i, 5)") == "0 | 0 | error: division by zero in `1 / i`");
  CHECK(Values("if(i = 0, 1, 1 / 0)") ==
        "error: division by zero in `1 / 0` | error: division by zero in `1 / 0` | 1");
  CHECK(Values("1 / 0") ==
        "error: division by zero in `1 / 0` | error: division by zero in `1 / 0` | error: division "
        "by zero in `1 / 0`");
  CHECK(Value("l * 5000000000") == "error: bigint overflow in `l * 5000000000`");
  CHECK(Value("i + 2147483647") == "error: int overflow in `i + 2147483647`");
  CHECK(Value("CAST(l AS int)") == "error: 5000000000 does not fit int in `CAST(l AS int)`");
  CHECK(Values("CAST(s AS int)") ==
        "error: cannot convert 'hello' to int in `CAST(s AS int)` | NULL | error: cannot convert "
        "'Zażółć gęślą jaźń' to int in `CAST(s AS int)`");
  CHECK(Value("1e308 * 10 * d") == "error: double overflow in `1e308 * 10`");
  CHECK(Value("CAST(m AS decimal(3,2))") ==
        "error: 10.25 does not fit decimal(3,2) in `CAST(m AS decimal(3,2))`");
  CHECK(Value("sqrt(-1)") == "error: sqrt of a negative number in `sqrt(-1)`");
  CHECK(Value("CAST('9' AS decimal(38,0)) * CAST('99999999999999999999999999999999999999' AS "
              "decimal(38,0))")
            .substr(0, 23) == "error: decimal overflow");
  CHECK(Value("repeat('x', 100000000)").substr(0, 38) == "error: the string would be longer than");
  CHECK(Value("abs(-2147483648)").substr(0, 19) == "error: int overflow");
}

TEST_CASE("a row is in error once, rows ascending, and its value is NULL") {
  auto bound = Compile("1 / i + 2 / i", *Schema());
  REQUIRE(bound.ok());
  CHECK(bound->MayFail());
  Evaluator evaluator(*bound);
  batch::Column out;
  RowErrors errors;
  batch::Batch rows = Rows();
  evaluator.Evaluate(rows, &out, &errors);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].row == 2);
  CHECK(out.IsNull(2));
  CHECK_FALSE(rows.columns[1].IsNull(2));  // the input is untouched
}

TEST_CASE("a filter keeps rows that are TRUE") {
  auto kept = [](std::string_view text) {
    BindOptions options;
    options.want_boolean = true;
    auto bound = Compile(text, *Schema(), options);
    REQUIRE(bound.ok());
    Evaluator evaluator(*bound);
    std::vector<uint32_t> rows;
    RowErrors errors;
    evaluator.EvaluateFilter(Rows(), &rows, &errors);
    return rows;
  };
  CHECK(kept("b") == std::vector<uint32_t>{0});
  CHECK(kept("i < 5") == std::vector<uint32_t>{1, 2});
  CHECK(kept("n > 1 OR n IS NULL") == std::vector<uint32_t>{0, 1});
  CHECK(kept("TRUE") == std::vector<uint32_t>{0, 1, 2});
  CHECK(kept("NULL").empty());
  CHECK(kept("10 / i > 0") == std::vector<uint32_t>{0});
}
