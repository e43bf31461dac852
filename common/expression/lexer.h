#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/expression/expression.h"

namespace weir::expression {

enum class TokenKind : uint8_t {
  kEnd,
  kName,
  kQuotedName,
  kInteger,
  kDecimal,
  kDouble,
  kString,
  kSymbol
};

/// Thread: a value. `text`: a name as written (dotted names whole), a quoted name or string without
/// its quotes and with doubled quotes made single, a number or symbol as written. `lower`: a plain
/// name in lower case, for keywords.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t offset = 0;
  size_t length = 0;
  std::string text;
  std::string lower;
};

/// Cuts `text` into tokens; the last is kEnd. Comments (`-- …` to the end of the line, `/* … */`)
/// are white space.
std::optional<Problem> Tokenize(std::string_view text, std::vector<Token>* tokens);

/// ASCII lower case.
std::string Lower(std::string_view text);

/// Whether `word` (lower case) may not be a plain column name.
bool IsReserved(std::string_view word);

}  // namespace weir::expression
