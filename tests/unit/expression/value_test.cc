// Values of expressions without NULLs and errors: numbers, strings, patterns, casts.
#include <catch2/catch.hpp>

#include "tests/unit/expression/fixture.h"

using namespace weir::expression::test;

namespace {
struct Case {
  const char* text;
  const char* wanted;
};
void Check(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(Value(c.text) == c.wanted);
  }
}
}  // namespace

TEST_CASE("integers widen, and their division truncates") {
  Check({{"1 + 2 * 3", "7"},
         {"(1 + 2) * 3", "9"},
         {"7 / 2", "3"},
         {"-7 / 2", "-3"},
         {"-7 % 3", "-1"},
         {"mod(7, -3)", "1"},
         {"i * n", "14"},
         {"i + l", "5000000007"},
         {"10 - 4 - 3", "3"},
         {"- - i", "7"},
         {"-i", "-7"},
         {"+i", "7"},
         {"abs(-7)", "7"},
         {"sign(-7)", "-1"},
         {"greatest(1, i, 3)", "7"},
         {"least(i, n)", "2"},
         {"-2147483648", "-2147483648"},
         {"-9223372036854775808", "-9223372036854775808"},
         {"1 -- a comment\n + 1", "2"},
         {"1 /* and */ + 1", "2"}});
  CHECK(Type("i + 1") == "int not null");
  CHECK(Type("i + l") == "bigint");
  CHECK(Type("2147483648") == "bigint not null");
  CHECK(Type("i / 2.0") == "decimal(17,6) not null");
  CHECK(Type("i * 1e0") == "double not null");
}

TEST_CASE("decimals have the types and the rounding of Flink") {
  CHECK(Type("1.50") == "decimal(3,2) not null");
  CHECK(Type("m + m") == "decimal(13,2)");
  CHECK(Type("m * m") == "decimal(25,4)");
  CHECK(Type("m / m") == "decimal(27,15)");
  CHECK(Type("m % 3") == "decimal(12,2)");
  CHECK(Type("CAST(m AS decimal(38,10)) * CAST(m AS decimal(38,10))") == "decimal(38,6)");
  CHECK(Type("round(m, 1)") == "decimal(12,1)");
  Check({{"1.1 + 2.25", "3.35"},
         {"m * 2", "20.50"},
         {"m + i", "17.25"},
         {"-m", "-10.25"},
         {"m - 0.5", "9.75"},
         {"1.0 / 3", "0.333333333333"},
         {"2.0 / 3.0", "0.666667"},
         {"-2.0 / 3.0", "-0.666667"},
         {"10.5 % 3", "1.5"},
         {"-10.5 % 3", "-1.5"},
         {"round(2.345, 2)", "2.35"},
         {"round(-2.345, 2)", "-2.35"},
         {"round(2.5)", "3"},
         {"truncate(2.789, 1)", "2.7"},
         {"ceil(2.1)", "3"},
         {"floor(-2.1)", "-3"},
         {"round(1234.5, -2)", "1200"},
         {"abs(-1.5)", "1.5"},
         {"sign(-0.5)", "-1.0"},
         {"CAST(1.005 AS decimal(10,2))", "1.01"},
         {"CAST(-1.005 AS decimal(10,2))", "-1.01"},
         {"m > 10", "true"},
         {"m = 10.250", "true"},
         {"10.25 IN (1, m)", "true"},
         {"greatest(1, 1.5)", "1.5"}});
  // Products and quotients wider than 128 bits on the way.
  Check({{"CAST('12345678901234567890.123456' AS decimal(38,6)) * CAST('1000000.000000' AS "
          "decimal(38,6))",
          "12345678901234567890123456.000000"},
         {"CAST('99999999999999999999999999999999.123456' AS decimal(38,6)) / CAST('3.000000' AS "
          "decimal(38,6))",
          "33333333333333333333333333333333.041152"},
         {"CAST('0.33333333333333333333333333333333333333' AS decimal(38,38)) < CAST(1 AS "
          "decimal(38,0))",
          "true"},
         {"CAST('99999999999999999999999999999999999999' AS decimal(38,0)) > CAST('0.5' AS "
          "decimal(38,38))",
          "true"}});
}

TEST_CASE("doubles") {
  Check({{"d * 2", "5"},
         {"1e3", "1000"},
         {"i / 2e0", "3.5"},
         {"round(2.5e0)", "3"},
         {"round(1.005e0, 2)", "1.01"},
         {"floor(-0.5e0)", "-1"},
         {"sqrt(16)", "4"},
         {"power(2, 10)", "1024"},
         {"exp(0)", "1"},
         {"ln(1)", "0"},
         {"log10(1000)", "3"},
         {"mod(5.5e0, 2)", "1.5"},
         {"1e0 = 1", "true"},
         {"0.1 + 0.2 = 0.3", "true"},
         {"CAST(2.9e0 AS int)", "2"},
         {"CAST(-2.9 AS int)", "-2"}});
}

TEST_CASE("precedence, names and truth") {
  Check({{"TRUE OR FALSE AND FALSE", "true"},
         {"NOT TRUE = FALSE", "true"},
         {"NOT b AND b", "false"},
         {"1 + 1 = 2 AND 'a' || 'b' = 'ab'", "true"},
         {"1 < 2 IS TRUE", "true"},
         {"i BETWEEN 1 AND 7 AND b", "true"},
         {"i NOT BETWEEN 1 AND 6", "true"},
         {"-5::string || 'x'", "-5x"},
         {"i IN (1, 7)", "true"},
         {"s IN ('x', 'hello')", "true"},
         {"i NOT IN (1, n)", "true"},
         {"CASE WHEN i > 5 THEN 'big' ELSE 'small' END", "big"},
         {"CASE i WHEN 1 THEN 'one' WHEN 7 THEN 'seven' END", "seven"},
         {"if(i = 7, 1, 2.5)", "1.0"},
         {"shop.name", "a"},
         {"`end`", "a"},
         {"\"end\" = shop.name", "true"},
         {"upper(LOWER('aB'))", "AB"},
         {"i <> 7 OR i != 7", "false"},
         {"date_trunc('day', t) < t", "true"},
         {"TRUE IS NOT FALSE", "true"}});
}

TEST_CASE("strings are of characters") {
  Check({{"upper('straße ąéж')", "STRAßE ĄÉЖ"},
         {"lower('ŁÓDŹ ЙΣ')", "łódź йσ"},
         {"length('zażółć')", "6"},
         {"octet_length('ż')", "2"},
         {"substring('zażółć', 3, 2)", "żó"},
         {"substring('hello' FROM 2 FOR 3)", "ell"},
         {"substr('hello', -3)", "llo"},
         {"substring('hello', 0, 2)", "h"},
         {"substring('hello', 9)", ""},
         {"left('hello', 2)", "he"},
         {"right('żółć', 1)", "ć"},
         {"left('hello', -2)", "hel"},
         {"right('hello', -2)", "llo"},
         {"trim('  a ')", "a"},
         {"trim(LEADING 'x' FROM 'xxax')", "ax"},
         {"trim(BOTH FROM ' a ')", "a"},
         {"rtrim('abżż', 'ż')", "ab"},
         {"ltrim('  a ')", "a "},
         {"position('l' IN s)", "3"},
         {"position('ć' IN 'zażółć')", "6"},
         {"strpos(s, 'z')", "0"},
         {"replace('a-b-c', '-', '+++')", "a+++b+++c"},
         {"lpad('7', 3, '0')", "007"},
         {"rpad('ab', 5, 'xy')", "abxyx"},
         {"lpad('hello', 2)", "he"},
         {"reverse('abć')", "ćba"},
         {"repeat('ab', 3)", "ababab"},
         {"split_part('a,b,c', ',', 2)", "b"},
         {"split_part('a,b,c', ',', -1)", "c"},
         {"split_part('a,b', ',', 5)", ""},
         {"split_index('a,b,c', ',', 0)", "a"},
         {"split_index('a,b', ',', 2)", "NULL"},
         {"concat(s, ' ', 'world, this is long')", "hello world, this is long"},
         {"'it''s'", "it's"},
         {"initcap('hello wORLD')", "Hello World"},
         {"starts_with(s, 'he') AND ends_with(s, 'lo')", "true"},
         {"concat_ws('-', 'a', CAST(NULL AS string), 'b')", "a-b"},
         {"substring('a string that is long', 3, 17)", "string that is lo"},
         {"'b' > 'abc'", "true"},
         {"'' = ''", "true"}});
}

TEST_CASE("patterns") {
  Check({{"s LIKE 'he%'", "true"},
         {"s LIKE '%lo'", "true"},
         {"s LIKE '%ell%'", "true"},
         {"s LIKE 'hello'", "true"},
         {"s LIKE 'h_llo'", "true"},
         {"s LIKE 'h%l%o'", "true"},
         {"s LIKE '%x%'", "false"},
         {"s NOT LIKE 'a%'", "true"},
         {"'ż' LIKE '_'", "true"},
         {"'10%' LIKE '10\\%'", "true"},
         {"'100' LIKE '10\\%'", "false"},
         {"'a_b' LIKE 'a!_b' ESCAPE '!'", "true"},
         {"'axb' LIKE 'a!_b' ESCAPE '!'", "false"},
         {"'aXb' ILIKE 'AxB'", "true"},
         {"s LIKE s", "true"},
         {"'aaab' LIKE '%a_b'", "true"},
         {"'' LIKE '%'", "true"},
         {"'' LIKE '_'", "false"},
         {"regexp_like(s, '^h.*o$')", "true"},
         {"regexp_extract('user=42;', 'user=([0-9]+)', 1)", "42"},
         {"regexp_extract(s, 'x')", "NULL"},
         {"regexp_replace('a1b22', '[0-9]+', '#')", "a#b#"},
         {"regexp_replace('ab', '(a)(b)', '$2\\1')", "ba"}});
}

TEST_CASE("casts") {
  Check({{"CAST(' 42 ' AS int)", "42"},
         {"CAST('-1.5' AS decimal(5,1))", "-1.5"},
         {"CAST('1e3' AS double)", "1000"},
         {"CAST(i AS string) || '!'", "7!"},
         {"CAST(m AS string)", "10.25"},
         {"CAST(b AS string)", "true"},
         {"CAST('yes' AS boolean)", "true"},
         {"CAST(TRUE AS int)", "1"},
         {"CAST('2026-01-31' AS date)", "2026-01-31"},
         {"CAST('2026-01-31T10:00:00Z' AS timestamp)", "2026-01-31 10:00:00"},
         {"CAST(t AS date)", "2026-01-31"},
         {"CAST(dt AS timestamp)", "2024-02-29 00:00:00"},
         {"TRY_CAST('x' AS int)", "NULL"},
         {"TRY_CAST(l AS int)", "NULL"},
         {"'7'::bigint + 1", "8"},
         {"CAST(l AS double)", "5000000000"},
         {"CAST('abc' AS bytes) = CAST('abc' AS bytes)", "true"},
         {"m::int", "10"},
         {"CAST(123.456 AS decimal(5,1))", "123.5"}});
}
