#include "common/expression/regexp.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/expression/byte_search.h"
#include "common/expression/text.h"
#include "re2/re2.h"

namespace weir::expression {

namespace {

constexpr size_t kNone = std::string_view::npos;

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

bool IsAlphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsMeta(char c) { return std::string_view("\\.+*?()[]{}|^$").find(c) != kNone; }
bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// Behind the class or group that begins at `at`, or npos where that is not plain.
size_t EndOfClass(std::string_view pattern, size_t at) {
  size_t i = at + 1;
  if (i < pattern.size() && pattern[i] == '^') ++i;
  for (bool first = true; i < pattern.size(); first = false) {
    if (pattern[i] == ']' && !first) return i + 1;
    if (pattern[i] == '\\') {
      i += 2;
    } else if (pattern[i] == '[' && i + 1 < pattern.size() && pattern[i + 1] == ':') {
      const size_t end = pattern.find(":]", i + 2);
      if (end == kNone) return kNone;
      i = end + 2;
    } else {
      ++i;
    }
  }
  return kNone;
}

size_t EndOfGroup(std::string_view pattern, size_t at) {
  int depth = 0;
  for (size_t i = at; i < pattern.size();) {
    switch (pattern[i]) {
      case '\\':
        if (i + 1 < pattern.size() && pattern[i + 1] == 'Q') return kNone;
        i += 2;
        break;
      case '[':
        i = EndOfClass(pattern, i);
        if (i == kNone) return kNone;
        break;
      case '(':
        ++depth;
        ++i;
        break;
      case ')':
        ++i;
        if (--depth == 0) return i;
        break;
      default:
        ++i;
    }
  }
  return kNone;
}

// The longest run of bytes that stands in every match, as far as a plain look at the pattern tells; empty: unknown.
std::string RequiredLiteral(std::string_view pattern) {
  std::string best, run;
  bool after_literal = false, after_repeat = false;
  auto end_run = [&] {
    if (run.size() > best.size()) best = run;
    run.clear();
  };
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    bool literal = false, repeat = false;
    switch (c) {
      case '|':
        return "";
      case '(':
        if (i + 1 < pattern.size() && pattern[i + 1] == '?' && pattern.substr(i, 3) != "(?:") return "";
        end_run();
        i = EndOfGroup(pattern, i);
        break;
      case '[':
        end_run();
        i = EndOfClass(pattern, i);
        break;
      case '\\':
        if (i + 1 >= pattern.size()) return "";
        if (IsAlphanumeric(pattern[i + 1]) || !IsAscii(pattern[i + 1])) {
          if (std::string_view("dDwWsSbB").find(pattern[i + 1]) == kNone) return "";
          end_run();
        } else {
          run.push_back(pattern[i + 1]);
          literal = true;
        }
        i += 2;
        break;
      case '*':
      case '?':
        // Behind another repetition `?` only says that it is not greedy.
        if (after_literal) run.pop_back();
        repeat = true;
        end_run();
        ++i;
        break;
      case '+':
        repeat = true;
        end_run();
        ++i;
        break;
      case '{':
      case '}':
        return "";
      case '.':
      case '^':
      case '$':
        end_run();
        ++i;
        break;
      default:
        if (!IsAscii(c)) return "";
        run.push_back(c);
        literal = true;
        ++i;
    }
    if (i == kNone) return "";
    if (repeat && after_repeat && c != '?') return "";
    after_literal = literal;
    after_repeat = repeat;
  }
  end_run();
  return best;
}

}  // namespace

// Reads patterns of the direct form.
struct Regexp::Reader {
  std::string_view pattern;
  size_t at = 0;
  int groups = 0;

  bool done() const { return at >= pattern.size(); }
  bool Take(std::string_view text) {
    if (pattern.substr(at, text.size()) != text) return false;
    at += text.size();
    return true;
  }
  /// One byte that stands for itself.
  std::optional<char> Literal() {
    if (done() || !IsAscii(pattern[at])) return std::nullopt;
    if (pattern[at] != '\\') return IsMeta(pattern[at]) ? std::nullopt : std::optional<char>(pattern[at++]);
    if (at + 1 >= pattern.size() || !IsAscii(pattern[at + 1]) || IsAlphanumeric(pattern[at + 1])) return std::nullopt;
    at += 2;
    return pattern[at - 1];
  }

  /// `(a|b|^)` or `(?:^|a)` or `[ab]`; what it is not leaves everything as it was.
  void Before(Regexp* out) {
    const size_t begin = at;
    std::array<bool, 128> set{};
    bool any = false, begins = false, group = false;
    if (Take("[")) {
      while (!done() && pattern[at] != ']' && pattern[at] != '^' && pattern[at] != '-' && pattern[at] != '[' &&
             pattern[at] != '\\' && IsAscii(pattern[at])) {
        set[static_cast<size_t>(pattern[at++])] = any = true;
      }
      if (!any || !Take("]")) return void(at = begin);
    } else if (Take("(")) {
      group = !Take("?:");
      do {
        if (Take("^")) {
          begins = true;
        } else if (auto c = Literal()) {
          set[static_cast<size_t>(*c)] = any = true;
        } else {
          return void(at = begin);
        }
      } while (Take("|"));
      if (!Take(")")) return void(at = begin);
    } else {
      return;
    }
    // A repeated one, or one that may be missing, is another matter.
    if (!done() && std::string_view("*+?{").find(pattern[at]) != kNone) return void(at = begin);
    out->has_before_ = true;
    out->before_ = set;
    out->at_begin_ = begins;
    if (group) out->before_group_ = ++groups;
  }

  bool Class(std::array<bool, 128>* set) {
    if (Take("\\d") || Take("[0-9]")) {
      for (char c = '0'; c <= '9'; ++c) (*set)[static_cast<size_t>(c)] = true;
      return true;
    }
    if (Take("\\w")) {
      for (char c = 0; IsAscii(c); ++c) (*set)[static_cast<size_t>(c)] = IsAlphanumeric(c) || c == '_';
      return true;
    }
    if (!Take("[^")) return false;
    set->fill(true);
    bool any = false;
    while (!done() && pattern[at] != ']' && pattern[at] != '-' && pattern[at] != '[' && pattern[at] != '\\' &&
           IsAscii(pattern[at])) {
      (*set)[static_cast<size_t>(pattern[at++])] = false;
      any = true;
    }
    return any && Take("]");
  }

  bool Run(Regexp* out) {
    const bool group = Take("(");
    if (group && !Take("?:")) out->run_group_ = ++groups;
    if (!Class(&out->run_)) return false;
    out->has_run_ = true;
    out->run_needed_ = Take("+");
    if (!out->run_needed_ && !Take("*")) return false;
    if (group && !Take(")")) return false;
    return done();
  }

  bool Whole(Regexp* out) {
    Before(out);
    std::string literal;
    while (auto c = Literal()) literal.push_back(*c);
    if (literal.empty()) return false;
    if (!done() && std::string_view("*+?{").find(pattern[at]) != kNone) return false;
    // `(a|^)a` has two ways to begin at the same place.
    if (out->has_before_ && out->before_[static_cast<size_t>(literal[0])]) return false;
    out->literal_ = literal;
    return done() || Run(out);
  }
};

absl::StatusOr<std::shared_ptr<const Regexp>> Regexp::Make(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  std::shared_ptr<Regexp> out(new Regexp);
  out->pattern_ = std::make_unique<re2::RE2>(Piece(pattern), options);
  if (!out->pattern_->ok()) return absl::InvalidArgumentError(out->pattern_->error());
  Reader reader{pattern};
  out->direct_ = reader.Whole(out.get());
  if (!out->direct_) out->literal_ = RequiredLiteral(pattern);
  return out;
}

Regexp::~Regexp() = default;

int Regexp::groups() const { return pattern_->NumberOfCapturingGroups(); }

bool Regexp::MayMatch(std::string_view text) const {
  return literal_.empty() || FindBytes(text, literal_) != kNone;
}

Regexp::Answer Regexp::FindDirect(std::string_view text, Direct* match) const {
  for (size_t look = 0;;) {
    const size_t found = FindBytes(text.substr(look), literal_);
    if (found == kNone) return Answer::kNone;
    const size_t at = look + found;
    look = at + 1;
    Span before{at, at};
    if (has_before_) {
      if (at > 0 && IsAscii(text[at - 1]) && before_[static_cast<size_t>(text[at - 1])]) {
        before.begin = at - 1;
      } else if (at != 0 || !at_begin_) {
        continue;
      }
    }
    const size_t run = at + literal_.size();
    size_t end = run;
    if (has_run_) {
      while (end < text.size() && IsAscii(text[end]) && run_[static_cast<size_t>(text[end])]) ++end;
      // What a class makes of other characters RE2 knows best.
      if (end < text.size() && !IsAscii(text[end])) return Answer::kUnknown;
      if (run_needed_ && end == run) continue;
    }
    match->all = {before.begin, end};
    match->before = before;
    match->run = {run, end};
    return Answer::kMatch;
  }
}

bool Regexp::Find(std::string_view text) const {
  if (direct_) {
    Direct match;
    const Answer answer = FindDirect(text, &match);
    if (answer != Answer::kUnknown) return answer == Answer::kMatch;
  } else if (!MayMatch(text)) {
    return false;
  }
  return re2::RE2::PartialMatch(Piece(text), *pattern_);
}

bool Regexp::Extract(std::string_view text, int group, std::string_view* part) const {
  if (direct_) {
    Direct match;
    const Answer answer = FindDirect(text, &match);
    if (answer == Answer::kNone) return false;
    if (answer == Answer::kMatch) {
      const Span& span = group == 0 ? match.all : group == before_group_ ? match.before : match.run;
      *part = text.substr(span.begin, span.end - span.begin);
      return true;
    }
  } else if (!MayMatch(text)) {
    return false;
  }
  constexpr int kFew = 8;
  re2::StringPiece few[kFew];
  std::vector<re2::StringPiece> many(group < kFew ? 0 : static_cast<size_t>(group) + 1);
  re2::StringPiece* parts = group < kFew ? few : many.data();
  if (!pattern_->Match(Piece(text), 0, text.size(), re2::RE2::UNANCHORED, parts, group + 1)) return false;
  if (parts[group].data() == nullptr) return false;
  *part = {parts[group].data(), parts[group].size()};
  return true;
}

int64_t Regexp::Count(std::string_view text) const {
  if (direct_ && !has_before_ && !has_run_ && literal_.size() == 1) return CountByte(text, literal_[0]);
  if (!MayMatch(text)) return 0;
  int64_t count = 0;
  for (size_t at = 0; at <= text.size(); ++count) {
    re2::StringPiece match;
    if (!pattern_->Match(Piece(text), at, text.size(), re2::RE2::UNANCHORED, &match, 1)) break;
    const auto begin = static_cast<size_t>(match.data() - text.data());
    at = begin + match.size();
    if (match.empty()) at += at < text.size() ? CharacterBytes(text.substr(at)) : 1;
  }
  return count;
}

void Regexp::ReplaceAll(std::string* text, const std::string& rewrite) const {
  if (MayMatch(*text)) re2::RE2::GlobalReplace(text, *pattern_, rewrite);
}

std::string Regexp::ProblemOfRewrite(const std::string& rewrite) const {
  std::string error;
  return pattern_->CheckRewriteString(rewrite, &error) ? "" : error;
}

}  // namespace weir::expression
