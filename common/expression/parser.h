#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/expression/ast.h"
#include "common/expression/lexer.h"

namespace weir::expression {

/// Tokens to syntax tree, by precedence climbing. Lowest first: OR, AND, NOT, IS, comparison,
/// BETWEEN / IN / LIKE,
/// ||, + -, * / %, sign, ::.
/// Thread: confined; one text each. Errors: Parse* return null after `problem()` was set.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  /// The whole text as one expression.
  AstPtr ParseWhole();
  /// The whole text as one aggregate call.
  bool ParseWholeAggregate(AggregateCall* call);
  const std::optional<Problem>& problem() const { return problem_; }

 private:
  using Args = std::vector<AstPtr>;

  // parser.cc
  bool Begin();
  AstPtr ParseExpression(int lowest);
  AstPtr ParsePrefix();
  AstPtr ParsePrimary();
  AstPtr ParseName();
  AstPtr ParseNumber(bool negative, size_t offset);
  AstPtr ParsePostfix(AstPtr left, bool* done, int lowest);
  AstPtr ParseIs(AstPtr left);
  AstPtr ParseIn(AstPtr left);
  AstPtr ParseBetween(AstPtr left);
  AstPtr ParseLike(AstPtr left, const std::string& keyword);
  bool ParseList(Args* args);
  // parser_forms.cc: what has a syntax of its own
  AstPtr ParseCase();
  AstPtr ParseCast(const Token& name);
  AstPtr ParseExtract(const Token& name);
  AstPtr ParseTrim(const Token& name);
  AstPtr ParseSubstring(const Token& name);
  AstPtr ParsePosition(const Token& name);
  AstPtr ParseUnitFirst(const Token& name);
  AstPtr ParseTypedLiteral(const Token& name);
  AstPtr ParseInterval(const Token& name);
  std::optional<batch::DataType> ParseType();
  bool ParseTypeParameters(std::vector<int>* parameters);

  const Token& Now() const { return tokens_[at_]; }
  const Token& Ahead(size_t n) const { return tokens_[std::min(at_ + n, tokens_.size() - 1)]; }
  const Token& Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool IsSymbol(std::string_view symbol) const {
    return Now().kind == TokenKind::kSymbol && Now().text == symbol;
  }
  bool IsKeyword(std::string_view word) const {
    return Now().kind == TokenKind::kName && Now().lower == word;
  }
  bool TakeSymbol(std::string_view symbol) { return IsSymbol(symbol) && (Take(), true); }
  bool TakeKeyword(std::string_view word) { return IsKeyword(word) && (Take(), true); }
  bool ExpectSymbol(std::string_view symbol, std::string_view after);
  bool ExpectKeyword(std::string_view word, std::string_view after);

  std::shared_ptr<Ast> Start(AstKind kind, size_t offset) const;
  /// Sets length and height; null when the tree has become too high.
  AstPtr Finish(std::shared_ptr<Ast> ast);
  AstPtr Call(std::string name, size_t offset, Args args);
  /// Adds `right` to `left` when that is a call of `name` already, so that long chains stay flat.
  AstPtr Chain(std::string name, AstPtr left, AstPtr right);

  std::nullptr_t Fail(size_t offset, size_t length, std::string message);
  std::nullptr_t FailAtNow(std::string message) {
    return Fail(Now().offset, Now().length, std::move(message));
  }
  std::nullptr_t Unexpected(std::string_view wanted);

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  std::optional<Problem> problem_;
};

/// Months and microseconds of one unit of time (`minute`, `Minutes`, `MONTH`); nothing if it is
/// none.
std::optional<Interval> UnitLength(std::string_view unit);

}  // namespace weir::expression
