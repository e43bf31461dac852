#include "common/expression/expression.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/expression/ast.h"
#include "common/expression/binder.h"
#include "common/expression/functions.h"
#include "common/expression/node.h"
#include "common/expression/parser.h"

namespace weir::expression {

using batch::Column;
using batch::DataType;
using batch::TypeKind;

namespace {

absl::Status ToStatus(const Problem& problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("at byte ", problem.offset, ": ", problem.message));
}

void Collect(const Ast& ast, std::vector<std::string>* names) {
  if (ast.kind == AstKind::kColumn &&
      std::find(names->begin(), names->end(), ast.name) == names->end()) {
    names->push_back(ast.name);
  }
  for (const AstPtr& arg : ast.args) Collect(*arg, names);
}

}  // namespace

const FunctionTable& Functions() {
  static const FunctionTable* table = [] {
    auto* made = new FunctionTable;
    for (auto* add : {AddArithmetic, AddComparisons, AddConditionals, AddCasts, AddMath,
                      AddRounding, AddStrings, AddStringSearch, AddLike, AddPatterns, AddUrls, AddTime,
                      AddTimeArithmetic, AddTimeText, AddGenerators}) {
      add(made);
    }
    return made;
  }();
  return *table;
}

std::optional<Problem> Parse(std::string_view text, AstPtr* ast) {
  Parser parser(text);
  AstPtr parsed = parser.ParseWhole();
  if (!parsed) return parser.problem();
  *ast = std::move(parsed);
  return std::nullopt;
}

absl::StatusOr<AstPtr> Parse(std::string_view text) {
  AstPtr ast;
  if (auto problem = Parse(text, &ast)) return ToStatus(*problem);
  return ast;
}

std::optional<Problem> ParseAggregate(std::string_view text, AggregateCall* call) {
  Parser parser(text);
  AggregateCall parsed;
  if (!parser.ParseWholeAggregate(&parsed)) return parser.problem();
  *call = std::move(parsed);
  return std::nullopt;
}

std::optional<std::string> ColumnName(const Ast& ast) {
  if (ast.kind != AstKind::kColumn) return std::nullopt;
  return ast.name;
}

std::string QuoteName(std::string_view name) {
  std::vector<Token> tokens;
  std::string plain(name);
  if (!Tokenize(name, &tokens) && tokens.size() == 2 && tokens[0].kind == TokenKind::kName &&
      tokens[0].length == name.size() && !IsReserved(tokens[0].lower)) {
    return plain;
  }
  std::string quoted = "`";
  for (char c : plain) quoted.append(c == '`' ? 2 : 1, c);
  return quoted + "`";
}

std::vector<std::string> ReferencedColumns(const Ast& ast) {
  std::vector<std::string> names;
  Collect(ast, &names);
  return names;
}

std::string_view ToString(AggregateFunction function) {
  switch (function) {
    case AggregateFunction::kCountStar:
      return "count(*)";
    case AggregateFunction::kCount:
      return "count";
    case AggregateFunction::kCountDistinct:
      return "count(distinct)";
    case AggregateFunction::kSum:
      return "sum";
    case AggregateFunction::kAvg:
      return "avg";
    case AggregateFunction::kMin:
      return "min";
    case AggregateFunction::kMax:
      return "max";
  }
  return "?";
}

absl::StatusOr<DataType> AggregateType(AggregateFunction function, const DataType& argument) {
  bool averages = function == AggregateFunction::kAvg;
  switch (function) {
    case AggregateFunction::kCountStar:
    case AggregateFunction::kCount:
    case AggregateFunction::kCountDistinct:
      return DataType{TypeKind::kBigint, false, 0, 0};
    case AggregateFunction::kMin:
    case AggregateFunction::kMax: {
      DataType type = argument;
      type.nullable = true;
      return type;
    }
    case AggregateFunction::kSum:
    case AggregateFunction::kAvg:
      break;
  }
  if (argument.kind == TypeKind::kDecimal)
    return DecimalType(38, averages ? std::max<int>(argument.scale, 6) : argument.scale);
  if (!IsNumeric(argument.kind)) {
    return absl::InvalidArgumentError(absl::StrCat(
        averages ? "avg" : "sum", " needs a number, its argument is ", TypeName(argument)));
  }
  return DataType{
      averages || argument.kind == TypeKind::kDouble ? TypeKind::kDouble : TypeKind::kBigint, true,
      0, 0};
}

BoundExpression::BoundExpression(std::shared_ptr<const Node> root, std::vector<int> columns,
                                 std::string text)
    : root_(std::move(root)), columns_(std::move(columns)), text_(std::move(text)) {}

const DataType& BoundExpression::type() const { return root_->type(); }
int BoundExpression::ColumnIndex() const { return root_->ColumnIndex(); }
bool BoundExpression::IsConstant() const { return root_->constant(); }
bool BoundExpression::MayFail() const { return root_->may_fail(); }

std::optional<Problem> Bind(const AstPtr& ast, const batch::Schema& schema,
                            const BindOptions& options, BoundExpression* bound) {
  Binder binder(schema, options, ast->text);
  // Two calls of a random function are two values.
  if (!options.generator) binder.ShareRepeats(*ast);
  NodePtr root = binder.Bind(*ast);
  if (!root) return binder.problem();
  if (options.want_boolean && root->type().kind == kUntyped)
    root = Widen(root, DataType{TypeKind::kBoolean}, "");
  if (root->type().kind == kUntyped) {
    return Problem{ast->offset, ast->length,
                   "this NULL has no type; write CAST(NULL AS string) or another type"};
  }
  if (options.want_boolean && root->type().kind != TypeKind::kBoolean) {
    return Problem{ast->offset, ast->length,
                   absl::StrCat("a condition must be boolean, this is ", TypeName(root->type()))};
  }
  *bound = BoundExpression(std::move(root), {binder.columns().begin(), binder.columns().end()},
                           ast->length == ast->text.size() ? ast->text : binder.Snippet(*ast));
  return std::nullopt;
}

absl::StatusOr<BoundExpression> Bind(const AstPtr& ast, const batch::Schema& schema,
                                     const BindOptions& options) {
  BoundExpression bound;
  if (auto problem = Bind(ast, schema, options, &bound)) return ToStatus(*problem);
  return bound;
}

absl::StatusOr<BoundExpression> Compile(std::string_view text, const batch::Schema& schema,
                                        const BindOptions& options) {
  ASSIGN_OR_RETURN(AstPtr ast, Parse(text));
  return Bind(ast, schema, options);
}

Evaluator::Evaluator(BoundExpression expression) : expression_(std::move(expression)) {}

void Evaluator::Evaluate(const batch::Batch& batch, const EvaluationContext& context, Column* out,
                         RowErrors* errors) {
  if (batch.rows == 0) {
    *out = Column::Allocate(expression_.type(), 0);
    return;
  }
  RowErrors found;
  std::vector<Slot> slots;
  Column result;
  expression_.root().Evaluate(Frame{batch, context, batch.rows, &found, &slots}, nullptr, &result);
  if (!found.empty()) {
    std::stable_sort(found.begin(), found.end(),
                     [](const RowError& a, const RowError& b) { return a.row < b.row; });
    found.erase(std::unique(found.begin(), found.end(),
                            [](const RowError& a, const RowError& b) { return a.row == b.row; }),
                found.end());
    result = result.Flatten();
    // The bytes may be shared with an argument's column.
    if (result.validity() != nullptr) {
      result.set_validity(
          batch::Buffer::Copy({result.validity_buffer()->data(), static_cast<size_t>(batch.rows)}));
    }
    uint8_t* validity = result.EnsureValidity();
    for (const RowError& error : found) validity[error.row] = 0;
    errors->insert(errors->end(), std::make_move_iterator(found.begin()),
                   std::make_move_iterator(found.end()));
  }
  result.set_type(expression_.type());
  *out = std::move(result);
}

void Evaluator::EvaluateFilter(const batch::Batch& batch, std::vector<uint32_t>* kept,
                               RowErrors* errors) {
  kept->clear();
  Column column;
  Evaluate(batch, &column, errors);
  const int64_t rows = batch.rows;
  if (rows == 0) return;
  kept->resize(static_cast<size_t>(rows));
  uint32_t* out = kept->data();
  size_t count = 0;
  if (column.constant()) {
    if (!column.IsNull(0) && column.at<uint8_t>(0) != 0) {
      for (int64_t i = 0; i < rows; ++i) out[count++] = static_cast<uint32_t>(i);
    }
  } else {
    const uint8_t* values = column.data<uint8_t>();
    const uint8_t* validity = column.validity();
    for (int64_t i = 0; i < rows; ++i) {  // without a branch: the answer is not predictable
      out[count] = static_cast<uint32_t>(i);
      count += values[i] & (validity == nullptr ? 1 : validity[i]);
    }
  }
  kept->resize(count);
}

}  // namespace weir::expression
