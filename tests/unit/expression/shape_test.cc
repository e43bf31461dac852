// Random well-typed expressions: every way of laying out the same row gives the same value or
// error.
#include <catch2/catch.hpp>

#include "common/base/rng.h"
#include "tests/unit/expression/fixture.h"

using namespace weir;
using namespace weir::expression;
using namespace weir::expression::test;

namespace {

class Writer {
 public:
  explicit Writer(uint64_t seed) : rng_(seed) {}

  std::string Number(int depth) {
    if (depth == 0)
      return Pick(
          {"i", "n", "l", "d", "m", "3", "0", "-2.75", "1.5e0", "2147483647", "CAST(NULL AS int)"});
    switch (rng_.Below(9)) {
      case 0:
        return "(" + Number(depth - 1) + Pick({" + ", " - ", " * ", " / ", " % "}) +
               Number(depth - 1) + ")";
      case 1:
        return "(CASE WHEN " + Boolean(depth - 1) + " THEN " + Number(depth - 1) + " ELSE " +
               Number(depth - 1) + " END)";
      case 2:
        return "coalesce(" + Number(depth - 1) + ", " + Number(depth - 1) + ")";
      case 3:
        return Pick({"abs(", "round(", "floor(", "-(", "sign(", "CAST(1 AS bigint) + ("}) +
               Number(depth - 1) + ")";
      case 4:
        return "CAST(" + Number(depth - 1) + " AS " +
               Pick({"int", "bigint", "double", "decimal(20,3)", "decimal(38,10)"}) + ")";
      case 5:
        return "nullif(" + Number(depth - 1) + ", " + Number(depth - 1) + ")";
      case 6:
        return "length(" + Text(depth - 1) + ")";
      case 7:
        return "greatest(" + Number(depth - 1) + ", " + Number(depth - 1) + ")";
      default:
        return "CAST(" + Text(depth - 1) + " AS int)";
    }
  }
  std::string Boolean(int depth) {
    if (depth == 0) return Pick({"b", "TRUE", "FALSE", "n IS NULL", "CAST(NULL AS boolean)"});
    switch (rng_.Below(8)) {
      case 0:
        return "(" + Number(depth - 1) +
               Pick({" = ", " < ", " >= ", " <> ", " IS DISTINCT FROM "}) + Number(depth - 1) + ")";
      case 1:
        return "(" + Boolean(depth - 1) + Pick({" AND ", " OR "}) + Boolean(depth - 1) +
               Pick({" AND ", " OR "}) + Boolean(depth - 1) + ")";
      case 2:
        return "NOT (" + Boolean(depth - 1) + ")";
      case 3:
        return "(" + Number(depth - 1) + " BETWEEN " + Number(depth - 1) + " AND " +
               Number(depth - 1) + ")";
      case 4:
        return "(" + Number(depth - 1) + " IN (1, n, " + Number(depth - 1) + "))";
      case 5:
        return "(" + Text(depth - 1) +
               Pick({" LIKE '%l%'", " < 'h'", " = s", " IN ('a', 'hello')"}) + ")";
      case 6:
        return "((" + Number(depth - 1) + ") IS NULL)";
      default:
        return "(" + Time(depth - 1) + Pick({" < ", " = "}) + Time(depth - 1) + ")";
    }
  }
  std::string Text(int depth) {
    if (depth == 0)
      return Pick({"s", "shop.name", "'x'", "'a literal that is long'", "CAST(NULL AS string)"});
    switch (rng_.Below(7)) {
      case 0:
        return "(" + Text(depth - 1) + " || " + Text(depth - 1) + ")";
      case 1:
        return Pick({"upper(", "trim(", "reverse("}) + Text(depth - 1) + ")";
      case 2:
        return "substring(" + Text(depth - 1) + ", 2, 14)";
      case 3:
        return "CAST(" + Number(depth - 1) + " AS string)";
      case 4:
        return "CASE WHEN " + Boolean(depth - 1) + " THEN " + Text(depth - 1) + " ELSE " +
               Text(depth - 1) + " END";
      case 5:
        return "date_format(" + Time(depth - 1) + ", 'yyyy-MM-dd HH')";
      default:
        return "coalesce(" + Text(depth - 1) + ", " + Text(depth - 1) + ")";
    }
  }
  std::string Time(int depth) {
    if (depth == 0)
      return Pick({"t", "dt", "TIMESTAMP '2026-01-31 10:20:30'", "CAST(NULL AS timestamp)"});
    return Pick({"date_trunc('hour', ", "date_trunc('month', ", "(INTERVAL '1' MONTH + "}) +
           Time(depth - 1) + ")";
  }

 private:
  std::string Pick(std::vector<std::string> words) { return words[rng_.Below(words.size())]; }
  Rng rng_;
};

std::string Outcome(const BoundExpression& bound, const batch::Batch& rows, int64_t row) {
  Evaluator evaluator(bound);
  batch::Column out;
  RowErrors errors;
  evaluator.Evaluate(rows, &out, &errors);
  for (const RowError& error : errors) {
    if (error.row == static_cast<uint32_t>(row)) return "error: " + error.message;
  }
  return batch::ValueToString(out, row);
}

}  // namespace

TEST_CASE("flat, constant and sliced columns give the same values and errors") {
  batch::Batch rows = Rows();
  Writer writer(11);
  int compared = 0, failed = 0;
  for (int round = 0; round < 4000; ++round) {
    int depth = 1 + round % 4;
    std::string text = round % 3 == 0   ? writer.Boolean(depth)
                       : round % 3 == 1 ? writer.Number(depth)
                                        : writer.Text(depth);
    INFO(text);
    auto bound = Compile(text, *Schema());
    if (!bound.ok()) continue;  // a NULL without a type, mostly
    for (int64_t row = 0; row < 3; ++row) {
      std::string wanted = Outcome(*bound, rows, row);
      CHECK(Outcome(*bound, rows.Slice(row, 1), 0) == wanted);
      batch::Batch constant = rows;
      for (batch::Column& column : constant.columns) {
        batch::Column one = column.Slice(row, 1);
        column =
            batch::Column(one.type(), 3, one.values(), one.validity_buffer(), one.heaps(), true);
      }
      CHECK(Outcome(*bound, constant, 2) == wanted);
      // Errors are told where a value may be in error only.
      if (wanted.substr(0, 6) == "error:") {
        CHECK(bound->MayFail());
        ++failed;
      }
      ++compared;
    }
  }
  CHECK(compared > 9000);
  CHECK(failed > 300);
}
