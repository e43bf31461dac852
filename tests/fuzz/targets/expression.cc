// SQL expressions: parsing, typing, and computing on three rows.
#include "common/expression/expression.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/expression/fixture.h"

WEIR_FUZZ_TARGET(expression, input) {
  using namespace weir;
  static const batch::SchemaPtr schema = expression::test::Schema();
  static const batch::Batch rows = expression::test::Rows();
  const auto places = [&](const expression::Problem& problem) {
    fuzz::Expect(problem.offset <= input.size() && problem.length <= input.size() - problem.offset,
                 "a problem lies in the text");
  };
  expression::AggregateCall call;
  if (const auto problem = expression::ParseAggregate(input, &call)) places(*problem);
  expression::AstPtr ast;
  if (const auto problem = expression::Parse(input, &ast)) {
    places(*problem);
    return;
  }
  expression::ColumnName(*ast);
  expression::ReferencedColumns(*ast);
  for (const bool generator : {false, true}) {
    expression::BindOptions options;
    options.generator = generator;
    options.call_site = "here";
    expression::BoundExpression bound;
    if (const auto problem = expression::Bind(ast, *schema, options, &bound)) {
      places(*problem);
      continue;
    }
    expression::Evaluator evaluator(bound);
    batch::Column column;
    expression::RowErrors errors;
    evaluator.Evaluate(rows, &column, &errors);
    for (int64_t row = 0; row < rows.rows; ++row) batch::ValueToString(column, row);
    fuzz::Expect(errors.empty() || bound.MayFail(), "only what may fail fails");
  }
}
