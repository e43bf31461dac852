#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/batch/batch.h"

namespace weir::expression {

struct Ast;  // common/expression/ast.h
class Node;  // common/expression/node.h
using AstPtr = std::shared_ptr<const Ast>;

/// What is wrong with an expression, and where: bytes [offset, offset + length) of its text (length
/// 0: at the end).
struct Problem {
  size_t offset = 0;
  size_t length = 0;
  std::string message;
};

/// Parses one SQL scalar expression. README.md lists the language.
///
/// Thread:  any; the result is immutable.
/// Errors:  the first thing wrong. Nothing returned = `*ast` is set. Text longer than kMaxText or
/// nested deeper than
///          kMaxDepth is refused, so that no input overflows the stack.
std::optional<Problem> Parse(std::string_view text, AstPtr* ast);
/// The same; kInvalidArgument with `at byte N: …`.
absl::StatusOr<AstPtr> Parse(std::string_view text);
inline constexpr size_t kMaxText = 256 * 1024;
inline constexpr int kMaxDepth = 200;

/// The name if `ast` is nothing but a column (`user`, `"my col"`), else nothing.
std::optional<std::string> ColumnName(const Ast& ast);
/// The text of a plain name as it must be written in an expression: quoted with backticks where
/// needed.
std::string QuoteName(std::string_view name);
/// Names of all columns that occur, each once, in order of first occurrence.
std::vector<std::string> ReferencedColumns(const Ast& ast);

enum class AggregateFunction : uint8_t {
  kCountStar,
  kCount,
  kCountDistinct,
  kSum,
  kAvg,
  kMin,
  kMax
};

/// `sum(amount) filter (where amount > 0)`.
struct AggregateCall {
  AggregateFunction function = AggregateFunction::kCountStar;
  AstPtr argument;    // null for count(*)
  AstPtr filter;      // null when there is none
  size_t offset = 0;  // of the call in the text
  size_t length = 0;
};
/// Parses one aggregate call, the form of an entry of `aggregate:`.
std::optional<Problem> ParseAggregate(std::string_view text, AggregateCall* call);
/// The type of an aggregate's result (contract: sum(int) -> bigint, …); a message when the
/// argument's type does not fit. `argument` means nothing for count(*). Only counts are `not null`.
absl::StatusOr<batch::DataType> AggregateType(AggregateFunction function,
                                              const batch::DataType& argument);
/// `count(distinct …)` as its users write it: count(*), count, count(distinct), sum, avg, min, max.
std::string_view ToString(AggregateFunction function);

struct BindOptions {
  /// sequence(), random_int(a, b), random_string(n), random_choice(a, …) may be used.
  bool generator = false;
  /// Tells the random functions of different expressions apart: the path of the entry,
  /// `transactions.fields.user`.
  std::string call_site;
  /// Refuse a result that is not boolean (`where`, `filter`).
  bool want_boolean = false;
};

/// An expression with its types: the columns are indices into the schema it was bound to.
/// Thread:  immutable, shared by copying.
class BoundExpression {
 public:
  BoundExpression() = default;
  BoundExpression(std::shared_ptr<const Node> root, std::vector<int> columns, std::string text);

  bool ok() const { return root_ != nullptr; }
  const batch::DataType& type() const;
  /// Indices of the columns that are read, ascending, each once.
  const std::vector<int>& columns() const { return columns_; }
  /// The source text.
  const std::string& text() const { return text_; }
  /// The column's index when the expression is nothing but that column, else -1.
  int ColumnIndex() const;
  /// No columns and no random functions: the same value for every row (it may still be an error).
  bool IsConstant() const;
  /// Whether any row can be in error at all. False allows to skip looking for errors.
  bool MayFail() const;
  const Node& root() const { return *root_; }

 private:
  std::shared_ptr<const Node> root_;
  std::vector<int> columns_;
  std::string text_;
};

/// Resolves names, checks types, inserts conversions and folds constants.
/// Errors:  unknown column or function (with the nearest name), types that do not fit, a bad
/// pattern. Nothing returned =
///          `*bound` is set.
std::optional<Problem> Bind(const AstPtr& ast, const batch::Schema& schema,
                            const BindOptions& options, BoundExpression* bound);
absl::StatusOr<BoundExpression> Bind(const AstPtr& ast, const batch::Schema& schema,
                                     const BindOptions& options = {});
/// Parse and Bind.
absl::StatusOr<BoundExpression> Compile(std::string_view text, const batch::Schema& schema,
                                        const BindOptions& options = {});

/// A row whose value could not be computed: division by zero, overflow, a failed CAST.
struct RowError {
  uint32_t row = 0;
  std::string message;  // division by zero in `a / b`
};
using RowErrors = std::vector<RowError>;

/// What generator functions see beside the row. Rows of a batch are numbered first_row, first_row +
/// 1, … unless `row_numbers` (one a row) is given.
struct EvaluationContext {
  uint64_t seed = 0;
  int64_t first_row = 0;
  const int64_t* row_numbers = nullptr;
};

/// Evaluates a bound expression, a column at a time.
///
/// Thread:  confined (it keeps scratch memory). Many may share one BoundExpression.
/// Shape:   the batch's columns are those of the schema given to Bind; columns that are not in
/// `columns()` are not
///          touched and may be empty (default Column). The result has batch.rows values, flat or
///          constant; strings may point into the batch's buffers, which the result keeps alive.
/// Errors:  per row, and only where the value was needed (CASE, COALESCE, AND and OR take one
/// branch). Such a row's value is
///          NULL even if the type is `not null`; it is appended to `errors` once, rows ascending.
///          The caller decides what becomes of it (on_error).
class Evaluator {
 public:
  explicit Evaluator(BoundExpression expression);

  void Evaluate(const batch::Batch& batch, const EvaluationContext& context, batch::Column* out,
                RowErrors* errors);
  void Evaluate(const batch::Batch& batch, batch::Column* out, RowErrors* errors) {
    Evaluate(batch, EvaluationContext{}, out, errors);
  }
  /// For a boolean: `kept` becomes the rows where it is TRUE (not NULL, not in error), ascending.
  void EvaluateFilter(const batch::Batch& batch, std::vector<uint32_t>* kept, RowErrors* errors);

  const BoundExpression& expression() const { return expression_; }

 private:
  BoundExpression expression_;
};

}  // namespace weir::expression
