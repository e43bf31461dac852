#include "common/expression/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/batch/batch.h"

namespace weir::expression {
namespace {

constexpr int kMaxHeight = 1000;

enum Precedence {
  kOr = 1,
  kAnd,
  kNot,
  kIs,
  kComparison,
  kRange,
  kConcat,
  kSum,
  kProduct,
  kSign,
  kCastSign
};

int BinaryPrecedence(const Token& token) {
  if (token.kind == TokenKind::kName) {
    if (token.lower == "or") return kOr;
    if (token.lower == "and") return kAnd;
    return 0;
  }
  if (token.kind != TokenKind::kSymbol) return 0;
  const std::string& s = token.text;
  if (s == "=" || s == "<>" || s == "<" || s == ">" || s == "<=" || s == ">=") return kComparison;
  if (s == "||") return kConcat;
  if (s == "+" || s == "-") return kSum;
  if (s == "*" || s == "/" || s == "%") return kProduct;
  return 0;
}

std::string Described(const Token& token) {
  if (token.kind == TokenKind::kEnd) return "the end of the expression";
  if (token.kind == TokenKind::kString) return "a string";
  return absl::StrCat("`", token.text.substr(0, 40), "`");
}

}  // namespace

std::nullptr_t Parser::Fail(size_t offset, size_t length, std::string message) {
  if (!problem_) problem_ = Problem{offset, length, std::move(message)};
  return nullptr;
}

std::nullptr_t Parser::Unexpected(std::string_view wanted) {
  return FailAtNow(absl::StrCat("expected ", absl::string_view(wanted.data(), wanted.size()),
                                ", found ", Described(Now())));
}

bool Parser::ExpectSymbol(std::string_view symbol, std::string_view after) {
  if (TakeSymbol(symbol)) return true;
  Unexpected(absl::StrCat("`", std::string(symbol), "` ", std::string(after)));
  return false;
}

bool Parser::ExpectKeyword(std::string_view word, std::string_view after) {
  if (TakeKeyword(word)) return true;
  std::string upper(word);
  for (char& c : upper) c = static_cast<char>(c - 32);
  Unexpected(absl::StrCat(upper, " ", std::string(after)));
  return false;
}

std::shared_ptr<Ast> Parser::Start(AstKind kind, size_t offset) const {
  auto ast = std::make_shared<Ast>();
  ast->kind = kind;
  ast->offset = offset;
  return ast;
}

AstPtr Parser::Finish(std::shared_ptr<Ast> ast) {
  const Token& last = tokens_[at_ > 0 ? at_ - 1 : 0];
  ast->length = std::max(last.offset + last.length, ast->offset) - ast->offset;
  for (const AstPtr& arg : ast->args) ast->height = std::max(ast->height, arg->height + 1);
  if (ast->height > kMaxHeight) {
    return Fail(ast->offset, 1,
                absl::StrCat("more than ", kMaxHeight,
                             " operations hang on each other here; split the expression"));
  }
  return ast;
}

AstPtr Parser::Call(std::string name, size_t offset, Args args) {
  auto ast = Start(AstKind::kCall, offset);
  ast->name = std::move(name);
  ast->args = std::move(args);
  return Finish(std::move(ast));
}

AstPtr Parser::Chain(std::string name, AstPtr left, AstPtr right) {
  size_t offset = left->offset;
  if (left->kind != AstKind::kCall || left->name != name)
    return Call(std::move(name), offset, {left, right});
  // Nobody else sees the tree yet, so growing the chain in place is safe and keeps long ones
  // linear.
  auto chain = std::const_pointer_cast<Ast>(left);
  left.reset();
  chain->args.push_back(std::move(right));
  return Finish(std::move(chain));
}

bool Parser::Begin() {
  if (text_.size() > kMaxText) {
    Fail(0, 1, absl::StrCat("the expression is longer than ", kMaxText / 1024, " KiB"));
    return false;
  }
  if (auto problem = Tokenize(text_, &tokens_)) {
    problem_ = std::move(problem);
    return false;
  }
  if (Now().kind == TokenKind::kEnd) {
    Fail(0, text_.size(), "the expression is empty");
    return false;
  }
  return true;
}

AstPtr Parser::ParseWhole() {
  if (!Begin()) return nullptr;
  AstPtr ast = ParseExpression(kOr);
  if (!ast) return nullptr;
  if (Now().kind != TokenKind::kEnd) {
    if (IsSymbol(")")) return FailAtNow("this `)` closes nothing");
    return Unexpected("an operator or the end of the expression");
  }
  auto root = std::make_shared<Ast>(*ast);
  root->text = std::string(text_);
  return root;
}

AstPtr Parser::ParseExpression(int lowest) {
  struct Depth {
    int* depth;
    explicit Depth(int* d) : depth(d) { ++*depth; }
    ~Depth() { --*depth; }
  } depth(&depth_);
  if (depth_ > kMaxDepth)
    return FailAtNow(absl::StrCat("the expression is nested deeper than ", kMaxDepth, " levels"));
  AstPtr left = ParsePrefix();
  while (left) {
    int precedence = BinaryPrecedence(Now());
    if (precedence == 0) {
      bool done = false;
      left = ParsePostfix(std::move(left), &done, lowest);
      if (done) break;
      continue;
    }
    if (precedence < lowest) break;
    std::string name = Now().kind == TokenKind::kName ? Now().lower : Now().text;
    Take();
    AstPtr right = ParseExpression(precedence + 1);
    if (!right) return nullptr;
    size_t offset = left->offset;
    if (name == "and" || name == "or" || name == "||") {
      left = Chain(std::move(name), std::move(left), std::move(right));
    } else {
      left = Call(std::move(name), offset, {std::move(left), std::move(right)});
    }
  }
  return left;
}

// `left` unchanged and *done when nothing here binds at least as tightly as `lowest`.
AstPtr Parser::ParsePostfix(AstPtr left, bool* done, int lowest) {
  size_t offset = left->offset;
  if (IsSymbol("::") && lowest <= kCastSign) {
    Take();
    auto type = ParseType();
    if (!type) return nullptr;
    auto ast = Start(AstKind::kCall, offset);
    ast->name = "cast";
    ast->type = *type;
    ast->args = {std::move(left)};
    return Finish(std::move(ast));
  }
  if (IsKeyword("is") && lowest <= kIs) return ParseIs(std::move(left));
  if (lowest > kRange) {
    *done = true;
    return left;
  }
  bool negated = IsKeyword("not") && Ahead(1).kind == TokenKind::kName &&
                 (Ahead(1).lower == "in" || Ahead(1).lower == "between" ||
                  Ahead(1).lower == "like" || Ahead(1).lower == "ilike");
  if (negated) Take();
  AstPtr result;
  if (TakeKeyword("in")) {
    result = ParseIn(std::move(left));
  } else if (TakeKeyword("between")) {
    result = ParseBetween(std::move(left));
  } else if (IsKeyword("like") || IsKeyword("ilike")) {
    std::string keyword = Take().lower;
    result = ParseLike(std::move(left), keyword);
  } else {
    *done = true;
    return left;
  }
  if (result && negated) return Call("not", offset, {std::move(result)});
  return result;
}

AstPtr Parser::ParseIs(AstPtr left) {
  size_t offset = left->offset;
  Take();
  bool negated = TakeKeyword("not");
  AstPtr result;
  if (IsKeyword("null") || IsKeyword("true") || IsKeyword("false") || IsKeyword("unknown")) {
    std::string what = Take().lower;
    result =
        Call(absl::StrCat("is ", what == "unknown" ? "null" : what), offset, {std::move(left)});
  } else if (TakeKeyword("distinct")) {
    if (!ExpectKeyword("from", "after IS DISTINCT")) return nullptr;
    AstPtr right = ParseExpression(kRange);
    if (!right) return nullptr;
    result = Call("is distinct", offset, {std::move(left), std::move(right)});
  } else {
    return Unexpected("NULL, TRUE, FALSE or DISTINCT FROM after IS");
  }
  if (result && negated) return Call("not", offset, {std::move(result)});
  return result;
}

AstPtr Parser::ParseIn(AstPtr left) {
  size_t offset = left->offset;
  if (!ExpectSymbol("(", "after IN")) return nullptr;
  Args args = {std::move(left)};
  if (IsSymbol(")")) return FailAtNow("IN needs at least one value");
  if (!ParseList(&args)) return nullptr;
  return Call("in", offset, std::move(args));
}

AstPtr Parser::ParseBetween(AstPtr left) {
  size_t offset = left->offset;
  AstPtr low = ParseExpression(kConcat);
  if (!low || !ExpectKeyword("and", "after BETWEEN's lower bound")) return nullptr;
  AstPtr high = ParseExpression(kConcat);
  if (!high) return nullptr;
  return Call("between", offset, {std::move(left), std::move(low), std::move(high)});
}

AstPtr Parser::ParseLike(AstPtr left, const std::string& keyword) {
  size_t offset = left->offset;
  AstPtr pattern = ParseExpression(kConcat);
  if (!pattern) return nullptr;
  Args args = {std::move(left), std::move(pattern)};
  if (TakeKeyword("escape")) {
    AstPtr escape = ParseExpression(kConcat);
    if (!escape) return nullptr;
    args.push_back(std::move(escape));
  }
  return Call(keyword, offset, std::move(args));
}

// The rest of `(a, b, …)` after the opening parenthesis, which may be empty.
bool Parser::ParseList(Args* args) {
  if (TakeSymbol(")")) return true;
  while (true) {
    AstPtr arg = ParseExpression(kOr);
    if (!arg) return false;
    args->push_back(std::move(arg));
    if (TakeSymbol(")")) return true;
    if (TakeSymbol(",")) continue;
    Unexpected("`,` or `)`");
    return false;
  }
}

AstPtr Parser::ParsePrefix() {
  size_t offset = Now().offset;
  if (TakeKeyword("not")) {
    AstPtr operand = ParseExpression(kNot);
    return operand ? Call("not", offset, {std::move(operand)}) : nullptr;
  }
  if (IsSymbol("-") || IsSymbol("+")) {
    bool negative = Take().text == "-";
    TokenKind next = Now().kind;
    if (next == TokenKind::kInteger || next == TokenKind::kDecimal || next == TokenKind::kDouble) {
      return ParseNumber(negative, offset);
    }
    AstPtr operand = ParseExpression(kSign);
    if (!operand) return nullptr;
    return Call(negative ? "negate" : "plus", offset, {std::move(operand)});
  }
  return ParsePrimary();
}

AstPtr Parser::ParsePrimary() {
  const Token& token = Now();
  switch (token.kind) {
    case TokenKind::kInteger:
    case TokenKind::kDecimal:
    case TokenKind::kDouble:
      return ParseNumber(false, token.offset);
    case TokenKind::kString: {
      auto ast = Start(AstKind::kString, token.offset);
      ast->name = Take().text;
      return Finish(std::move(ast));
    }
    case TokenKind::kQuotedName: {
      auto ast = Start(AstKind::kColumn, token.offset);
      ast->name = Take().text;
      if (IsSymbol("("))
        return Fail(token.offset, token.length,
                    "a quoted name is a column; functions are written without quotes");
      return Finish(std::move(ast));
    }
    case TokenKind::kName:
      return ParseName();
    case TokenKind::kSymbol:
      if (TakeSymbol("(")) {
        AstPtr inner = ParseExpression(kOr);
        if (!inner) return nullptr;
        if (IsSymbol(","))
          return FailAtNow("a list in parentheses stands only after IN or a function's name");
        if (!ExpectSymbol(")", "")) {
          if (Now().kind == TokenKind::kEnd)
            problem_ = Problem{token.offset, 1, "this `(` is not closed"};
          return nullptr;
        }
        return inner;
      }
      [[fallthrough]];
    case TokenKind::kEnd:
      return Unexpected("a value, a column or a function");
  }
  return nullptr;
}

AstPtr Parser::ParseNumber(bool negative, size_t offset) {
  const Token& token = Take();
  std::string digits = (negative ? "-" : "") + token.text;
  if (token.kind == TokenKind::kInteger) {
    auto ast = Start(AstKind::kInteger, offset);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ast->integer);
    if (error != std::errc()) {
      return Fail(offset, token.offset + token.length - offset,
                  absl::StrCat("the integer ", digits.substr(0, 60),
                               " is too large for bigint; as a decimal it is written ",
                               digits.size() <= 39 ? digits + ".0"
                                                   : "with a point, and has at most 38 digits"));
    }
    return Finish(std::move(ast));
  }
  if (token.kind == TokenKind::kDouble) {
    auto ast = Start(AstKind::kDouble, offset);
    std::from_chars(digits.data(), digits.data() + digits.size(), ast->real);
    double magnitude = 0;
    auto [end, error] =
        std::from_chars(token.text.data(), token.text.data() + token.text.size(), magnitude);
    if (error != std::errc() || !std::isfinite(magnitude)) {
      return Fail(offset, token.offset + token.length - offset,
                  absl::StrCat("the number ", digits.substr(0, 60), " does not fit a double"));
    }
    return Finish(std::move(ast));
  }
  size_t point = token.text.find('.');
  size_t first = token.text.find_first_not_of("0.");
  size_t scale = token.text.size() - point - 1;
  size_t whole = first != std::string::npos && first < point ? point - first : 0;
  if (whole + scale > 38) {
    return Fail(offset, token.offset + token.length - offset,
                "a decimal has at most 38 digits; a double is written with an exponent, as 1.5e0");
  }
  auto ast = Start(AstKind::kDecimal, offset);
  batch::Decimal value = 0;
  for (char c : token.text) {
    if (c != '.') value = value * 10 + (c - '0');
  }
  ast->decimal = negative ? -value : value;
  ast->type = batch::DataType{batch::TypeKind::kDecimal, false,
                              static_cast<uint8_t>(std::max<size_t>(whole + scale, 1)),
                              static_cast<uint8_t>(scale)};
  return Finish(std::move(ast));
}

AstPtr Parser::ParseName() {
  Token name = Now();
  bool call = Ahead(1).kind == TokenKind::kSymbol && Ahead(1).text == "(";
  if (name.lower == "null" || name.lower == "true" || name.lower == "false") {
    auto ast = Start(name.lower == "null" ? AstKind::kNull : AstKind::kBoolean, name.offset);
    ast->integer = name.lower == "true";
    Take();
    return Finish(std::move(ast));
  }
  if (name.lower == "case") return ParseCase();
  if (IsReserved(name.lower)) {
    return FailAtNow(absl::StrCat("expected a value, found the keyword `", name.text,
                                  "` (a column of that name is quoted: \"", name.text, "\")"));
  }
  if (Ahead(1).kind == TokenKind::kString && (name.lower == "timestamp" || name.lower == "date"))
    return ParseTypedLiteral(name);
  if (name.lower == "interval" &&
      (Ahead(1).kind == TokenKind::kString || Ahead(1).kind == TokenKind::kInteger)) {
    return ParseInterval(name);
  }
  Take();
  if (!call) {
    auto ast = Start(AstKind::kColumn, name.offset);
    ast->name = name.text;
    return Finish(std::move(ast));
  }
  Take();
  if (name.lower == "cast" || name.lower == "try_cast") return ParseCast(name);
  if (name.lower == "extract") return ParseExtract(name);
  if (name.lower == "trim") return ParseTrim(name);
  if (name.lower == "substring") return ParseSubstring(name);
  if (name.lower == "position") return ParsePosition(name);
  if (name.lower == "timestampadd" || name.lower == "timestampdiff") return ParseUnitFirst(name);
  Args args;
  if (IsSymbol("*") && Ahead(1).text == ")") {
    return FailAtNow(absl::StrCat(name.lower, "(*) is an aggregate; it belongs into `aggregate`"));
  }
  if (!ParseList(&args)) return nullptr;
  return Call(name.lower, name.offset, std::move(args));
}

}  // namespace weir::expression
