#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::expression {

/// A LIKE pattern made ready: `%` is any text, `_` one character, the escape character makes the
/// next one plain. Thread: immutable.
class LikePattern {
 public:
  /// `escape`: one character, or empty for none. Nothing when the pattern ends in the escape
  /// character.
  static std::optional<LikePattern> Make(std::string_view pattern, std::string_view escape);
  bool Matches(std::string_view text) const;

 private:
  enum class Shape { kExact, kPrefix, kSuffix, kContains, kGeneral };
  struct Piece {
    enum class Kind { kLiteral, kOne, kAny } kind;
    std::string text;  // kLiteral
  };
  void AddLiteral(std::string_view text);
  bool MatchesGeneral(std::string_view text) const;

  Shape shape_ = Shape::kExact;
  std::string literal_;
  std::vector<Piece> pieces_;
};

}  // namespace weir::expression
