#include "common/expression/lexer.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace weir::expression {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }

std::string Printable(char c) {
  unsigned char byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte < 0x7f) return absl::StrCat("`", std::string(1, c), "`");
  return absl::StrCat("byte 0x", absl::Hex(byte, absl::kZeroPad2));
}

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Token>* tokens) : text_(text), tokens_(tokens) {}

  std::optional<Problem> Run() {
    while (true) {
      if (auto problem = SkipSpace()) return problem;
      if (at_ >= text_.size()) break;
      char c = text_[at_];
      std::optional<Problem> problem;
      if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) {
        problem = Number();
      } else if (IsNameStart(c)) {
        Name();
      } else if (c == '\'') {
        problem = Quoted(c, TokenKind::kString);
      } else if (c == '"' || c == '`') {
        problem = Quoted(c, TokenKind::kQuotedName);
      } else {
        problem = Symbol();
      }
      if (problem) return problem;
    }
    tokens_->push_back({TokenKind::kEnd, text_.size(), 0, "", ""});
    return std::nullopt;
  }

 private:
  char Peek(size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  std::optional<Problem> SkipSpace() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else if (c == '-' && Peek(1) == '-') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == '/' && Peek(1) == '*') {
        size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos)
          return Problem{at_, 2, "this comment is not closed by `*/`"};
        at_ = end + 2;
      } else {
        break;
      }
    }
    return std::nullopt;
  }

  void Push(TokenKind kind, size_t from, std::string text) {
    Token token{kind, from, at_ - from, std::move(text), ""};
    if (kind == TokenKind::kName) token.lower = Lower(token.text);
    tokens_->push_back(std::move(token));
  }

  std::optional<Problem> Number() {
    size_t from = at_;
    TokenKind kind = TokenKind::kInteger;
    while (IsDigit(Peek(0))) ++at_;
    if (Peek(0) == '.') {
      kind = TokenKind::kDecimal;
      ++at_;
      while (IsDigit(Peek(0))) ++at_;
    }
    if (Peek(0) == 'e' || Peek(0) == 'E') {
      kind = TokenKind::kDouble;
      ++at_;
      if (Peek(0) == '+' || Peek(0) == '-') ++at_;
      if (!IsDigit(Peek(0))) return Problem{from, at_ - from, "a number's exponent has no digits"};
      while (IsDigit(Peek(0))) ++at_;
    }
    if (IsNamePart(Peek(0)) || Peek(0) == '.') {
      size_t end = at_;
      while (end < text_.size() && (IsNamePart(text_[end]) || text_[end] == '.')) ++end;
      return Problem{
          from, end - from,
          absl::StrCat("`", std::string(text_.substr(from, std::min<size_t>(end - from, 40))),
                       "` is neither a number nor a name; a name that starts with a digit is "
                       "quoted with backticks")};
    }
    Push(kind, from, std::string(text_.substr(from, at_ - from)));
    return std::nullopt;
  }

  void Name() {
    size_t from = at_;
    while (IsNamePart(Peek(0))) ++at_;
    // A path into nested objects (`shop.name`) is one name, as it is one key of the schema.
    while (Peek(0) == '.' && IsNameStart(Peek(1))) {
      ++at_;
      while (IsNamePart(Peek(0))) ++at_;
    }
    Push(TokenKind::kName, from, std::string(text_.substr(from, at_ - from)));
  }

  std::optional<Problem> Quoted(char quote, TokenKind kind) {
    size_t from = at_++;
    std::string value;
    while (true) {
      size_t end = text_.find(quote, at_);
      if (end == std::string_view::npos) {
        return Problem{from, 1,
                       kind == TokenKind::kString
                           ? "this string is not closed by a single quote"
                           : absl::StrCat("this quoted name is not closed by ", Printable(quote))};
      }
      value.append(text_.substr(at_, end - at_));
      at_ = end + 1;
      if (Peek(0) != quote) break;
      value.push_back(quote);
      ++at_;
    }
    if (kind == TokenKind::kQuotedName && value.empty())
      return Problem{from, 2, "a quoted name is empty"};
    Push(kind, from, std::move(value));
    return std::nullopt;
  }

  std::optional<Problem> Symbol() {
    static constexpr std::array<std::string_view, 6> kTwo = {"||", "::", "<>", "!=", "<=", ">="};
    std::string_view two = text_.substr(at_, 2);
    size_t from = at_;
    if (two == "==") return Problem{from, 2, "`==` is not SQL; write `=`"};
    if (two == "&&") return Problem{from, 2, "`&&` is not SQL; write AND"};
    if (std::find(kTwo.begin(), kTwo.end(), two) != kTwo.end()) {
      at_ += 2;
      Push(TokenKind::kSymbol, from, two == "!=" ? "<>" : std::string(two));
      return std::nullopt;
    }
    char c = text_[at_];
    if (std::string_view("+-*/%=<>(),").find(c) == std::string_view::npos) {
      std::string hint = c == '!' ? "; write NOT" : c == '|' ? "; strings are joined by `||`" : "";
      return Problem{from, 1, absl::StrCat(Printable(c), " means nothing in an expression", hint)};
    }
    ++at_;
    Push(TokenKind::kSymbol, from, std::string(1, c));
    return std::nullopt;
  }

  std::string_view text_;
  std::vector<Token>* tokens_;
  size_t at_ = 0;
};

}  // namespace

std::optional<Problem> Tokenize(std::string_view text, std::vector<Token>* tokens) {
  return Lexer(text, tokens).Run();
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

bool IsReserved(std::string_view word) {
  static constexpr std::array<std::string_view, 18> kReserved = {
      "and",  "or",   "not", "is", "null",    "true", "false", "case",   "when",
      "then", "else", "end", "in", "between", "like", "ilike", "escape", "distinct"};
  return std::find(kReserved.begin(), kReserved.end(), word) != kReserved.end();
}

}  // namespace weir::expression
