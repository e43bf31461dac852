#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace weir::expression {

/// A constant regular expression: RE2's language and answers, quicker where the pattern allows it.
///
/// Thread:  immutable, shared by pointer.
/// How:     a text without the literal that every match must have is not looked at by RE2. A pattern that is nothing but
///          a literal, or one of the form that takes parameters out of urls, `(&|^)name=([^&]*)`, is not matched by RE2
///          at all: an optional first alternative of single bytes and the beginning of the text, a literal, an optional
///          run of a class of bytes.
class Regexp {
 public:
  /// kInvalidArgument: not a pattern.
  static absl::StatusOr<std::shared_ptr<const Regexp>> Make(std::string_view pattern);
  ~Regexp();

  int groups() const;
  /// Whether it occurs in `text`.
  bool Find(std::string_view text) const;
  /// The group (0: all of it) of the first match, as a part of `text`; false when there is no match or the group took no
  /// part in it.
  bool Extract(std::string_view text, int group, std::string_view* part) const;
  /// How often it occurs, without overlap. An empty match counts, and the search goes on a character later.
  int64_t Count(std::string_view text) const;
  /// Every match replaced by `rewrite` (RE2's form) in place.
  void ReplaceAll(std::string* text, const std::string& rewrite) const;
  /// Why `rewrite` does not fit; empty when it does.
  std::string ProblemOfRewrite(const std::string& rewrite) const;
  /// Whether texts are matched without RE2, all ASCII ones at least. For tests.
  bool is_direct() const { return direct_; }
  /// What every match has in it; empty when that is not known. For tests.
  const std::string& literal() const { return literal_; }

 private:
  Regexp() = default;
  struct Reader;
  struct Span {
    size_t begin = 0, end = 0;
  };
  struct Direct {
    Span all, before, run;
  };
  enum class Answer { kMatch, kNone, kUnknown };

  /// The first match; kUnknown: RE2 must say.
  Answer FindDirect(std::string_view text, Direct* match) const;
  bool MayMatch(std::string_view text) const;

  std::unique_ptr<re2::RE2> pattern_;
  std::string literal_;
  bool direct_ = false;
  // Of the direct form.
  bool at_begin_ = false;                // the alternative of `^`
  bool has_before_ = false;              // a byte of `before_` (or `^`) stands in front of the literal
  std::array<bool, 128> before_{};
  bool has_run_ = false;
  bool run_needed_ = false;              // `+` instead of `*`
  std::array<bool, 128> run_{};
  int before_group_ = 0, run_group_ = 0;  // 0: not a group
};

}  // namespace weir::expression
