// LIKE, ILIKE and regular expressions (RE2: time linear in the text, whatever the pattern).
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/expression/functions.h"
#include "common/expression/like.h"
#include "common/expression/text.h"
#include "re2/re2.h"

namespace weir::expression {

using batch::Column;
using batch::StringRef;
using batch::TypeKind;

std::optional<LikePattern> LikePattern::Make(std::string_view pattern, std::string_view escape) {
  LikePattern out;
  size_t wild = 0;
  for (size_t at = 0; at < pattern.size();) {
    size_t size = CharacterBytes(pattern.substr(at));
    std::string_view c = pattern.substr(at, size);
    at += size;
    if (!escape.empty() && c == escape) {
      if (at >= pattern.size()) return std::nullopt;
      size = CharacterBytes(pattern.substr(at));
      out.pieces_.push_back({Piece::Kind::kLiteral, std::string(pattern.substr(at, size))});
      at += size;
    } else if (c == "%") {
      if (!out.pieces_.empty() && out.pieces_.back().kind == Piece::Kind::kAny) continue;
      out.pieces_.push_back({Piece::Kind::kAny, ""});
      ++wild;
    } else if (c == "_") {
      out.pieces_.push_back({Piece::Kind::kOne, ""});
      wild += 1000;
    } else {
      out.pieces_.push_back({Piece::Kind::kLiteral, std::string(c)});
    }
  }
  bool front = !out.pieces_.empty() && out.pieces_.front().kind == Piece::Kind::kAny;
  bool back = !out.pieces_.empty() && out.pieces_.back().kind == Piece::Kind::kAny;
  if (wild == 0) {
    out.shape_ = Shape::kExact;
  } else if (wild == 1 && front) {
    out.shape_ = Shape::kSuffix;
  } else if (wild == 1 && back) {
    out.shape_ = Shape::kPrefix;
  } else if (wild == 2 && front && back) {
    out.shape_ = Shape::kContains;
  } else {
    out.shape_ = Shape::kGeneral;
    return out;
  }
  for (const Piece& piece : out.pieces_) out.literal_ += piece.text;
  out.pieces_.clear();
  return out;
}

bool LikePattern::Matches(std::string_view text) const {
  switch (shape_) {
    case Shape::kExact:
      return text == literal_;
    case Shape::kPrefix:
      return text.substr(0, literal_.size()) == literal_;
    case Shape::kSuffix:
      return text.size() >= literal_.size() &&
             text.substr(text.size() - literal_.size()) == literal_;
    case Shape::kContains:
      return text.find(literal_) != std::string_view::npos;
    case Shape::kGeneral:
      break;
  }
  return MatchesGeneral(text);
}

// Greedy with one point to return to: the last `%`. An earlier one never has to give more, as the
// text before the last was matched at its first possible place.
bool LikePattern::MatchesGeneral(std::string_view text) const {
  size_t at = 0, piece = 0;
  size_t retry_piece = std::string_view::npos, retry_at = 0;
  while (true) {
    if (piece < pieces_.size() && pieces_[piece].kind == Piece::Kind::kAny) {
      retry_piece = ++piece;
      retry_at = at;
      continue;
    }
    if (at == text.size() && piece == pieces_.size()) return true;
    if (at < text.size() && piece < pieces_.size()) {
      const Piece& wanted = pieces_[piece];
      if (wanted.kind == Piece::Kind::kOne) {
        at += CharacterBytes(text.substr(at));
        ++piece;
        continue;
      }
      if (text.compare(at, wanted.text.size(), wanted.text) == 0) {
        at += wanted.text.size();
        ++piece;
        continue;
      }
    }
    if (retry_piece == std::string_view::npos || retry_at >= text.size()) return false;
    retry_at += CharacterBytes(text.substr(retry_at));
    at = retry_at;
    piece = retry_piece;
  }
}

namespace {

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

NodePtr BindLike(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  bool fold = call.ast.name == "ilike";
  std::string escape = "\\";
  if (call.size() > 2) {
    const Column* value = call.WantConstant(2, "the ESCAPE character");
    if (value == nullptr) return nullptr;
    escape = std::string(value->text(0));
    if (CountCharacters(escape) > 1) return call.FailAt(2, "ESCAPE takes one character");
  }
  auto folded = [fold](std::string_view text) {
    if (!fold) return std::string(text);
    std::string out;
    ChangeCase(text, false, &out);
    return out;
  };
  constexpr std::string_view kBad = "a LIKE pattern ends in its escape character";
  const Column* constant = call.args[1]->Value();
  if (constant != nullptr && !constant->IsNull(0)) {
    auto pattern = LikePattern::Make(folded(constant->text(0)), escape);
    if (!pattern) return call.FailAt(1, std::string(kBad));
    return call.MakeOf(
        {call.args[0]}, {TypeKind::kBoolean},
        [pattern = std::move(*pattern), fold, folded](KernelCall& c) {
          uint8_t* out = c.out->mutable_data<uint8_t>();
          ForLive(c, [&](int64_t i) {
            out[i] = fold ? pattern.Matches(folded(c.text(0, i))) : pattern.Matches(c.text(0, i));
          });
        },
        kPartial);
  }
  return call.MakeOf(
      {call.args[0], call.args[1]}, {TypeKind::kBoolean},
      [escape, kBad, folded](KernelCall& c) {
        uint8_t* out = c.out->mutable_data<uint8_t>();
        ForLive(c, [&](int64_t i) {
          auto pattern = LikePattern::Make(folded(c.text(1, i)), escape);
          if (!pattern) return c.Fail(i, kBad);
          out[i] = pattern->Matches(folded(c.text(0, i)));
        });
      },
      kMayFail | kPartial);
}

// The compiled constant pattern in argument 1; null after a problem.
std::shared_ptr<RE2> Compiled(BoundCall& call) {
  const Column* value = call.WantConstant(1, "the pattern");
  if (value == nullptr) return nullptr;
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  auto pattern = std::make_shared<RE2>(Piece(value->text(0)), options);
  if (!pattern->ok()) {
    call.FailAt(1, absl::StrCat("bad regular expression: ", pattern->error()));
    return nullptr;
  }
  return pattern;
}

NodePtr BindRegexpLike(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  auto pattern = Compiled(call);
  if (!pattern) return nullptr;
  return call.MakeOf(
      {call.args[0]}, {TypeKind::kBoolean},
      [pattern](KernelCall& c) {
        uint8_t* out = c.out->mutable_data<uint8_t>();
        ForLive(c, [&](int64_t i) { out[i] = RE2::PartialMatch(Piece(c.text(0, i)), *pattern); });
      },
      kPartial);
}

// regexp_extract(s, pattern[, group]): the group (0: the whole match) of the first match, NULL
// without one.
NodePtr BindRegexpExtract(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantKind(1, TypeKind::kString)) return nullptr;
  auto pattern = Compiled(call);
  if (!pattern) return nullptr;
  int group = 0;
  if (call.size() > 2) {
    if (!call.WantKind(2, TypeKind::kInt)) return nullptr;
    const Column* value = call.WantConstant(2, "the group");
    if (value == nullptr) return nullptr;
    group = value->at<int32_t>(0);
  }
  if (group < 0 || group > pattern->NumberOfCapturingGroups()) {
    return call.FailAt(call.size() > 2 ? 2 : 1,
                       absl::StrCat("the pattern has ", pattern->NumberOfCapturingGroups(),
                                    " groups, there is no group ", group));
  }
  return call.MakeOf(
      {call.args[0]}, {TypeKind::kString},
      [pattern, group](KernelCall& c) {
        std::vector<re2::StringPiece> groups(static_cast<size_t>(group) + 1);
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i);
          bool found = pattern->Match(Piece(text), 0, text.size(), RE2::UNANCHORED, groups.data(),
                                      group + 1);
          const re2::StringPiece& part = groups[static_cast<size_t>(group)];
          if (!found || part.data() == nullptr) return c.SetNull(i);
          c.SetView(i, {part.data(), part.size()});
        });
        c.KeepBytes(0);
      },
      kMayNull | kPartial);
}

// regexp_replace(s, pattern, replacement): every match; $1 and \1 stand for groups.
NodePtr BindRegexpReplace(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  auto pattern = Compiled(call);
  if (!pattern) return nullptr;
  const Column* value = call.WantConstant(2, "the replacement");
  if (value == nullptr) return nullptr;
  std::string_view given = value->text(0);
  std::string rewrite;
  for (size_t i = 0; i < given.size(); ++i) {
    bool digit_follows = i + 1 < given.size() && given[i + 1] >= '0' && given[i + 1] <= '9';
    if ((given[i] == '$' || given[i] == '\\') && digit_follows) {
      rewrite += '\\';
      rewrite += given[++i];
    } else if (given[i] == '\\') {
      if (i + 1 < given.size()) ++i;  // \$ and \\ are plain
      rewrite += given[i] == '\\' ? "\\\\" : std::string(1, given[i]);
    } else {
      rewrite += given[i];
    }
  }
  std::string error;
  if (!pattern->CheckRewriteString(rewrite, &error))
    return call.FailAt(2, absl::StrCat("bad replacement: ", error));
  return call.MakeOf(
      {call.args[0]}, {TypeKind::kString},
      [pattern, rewrite](KernelCall& c) {
        std::string text;
        ForLive(c, [&](int64_t i) {
          text.assign(c.text(0, i));
          RE2::GlobalReplace(&text, *pattern, rewrite);
          if (text.size() > kMaxStringResult)
            return c.Fail(i, "the string would be longer than 16 MiB");
          c.SetCopy(i, text);
        });
      },
      kMayFail | kPartial);
}

}  // namespace

void AddPatterns(FunctionTable* table) {
  (*table)["like"] = {2, 3, BindLike, ""};
  (*table)["ilike"] = {2, 3, BindLike, ""};
  (*table)["regexp_like"] = {2, 2, BindRegexpLike, "regexp_like(s, pattern)"};
  (*table)["regexp"] = {2, 2, BindRegexpLike, "regexp(s, pattern)"};
  (*table)["regexp_extract"] = {2, 3, BindRegexpExtract, "regexp_extract(s, pattern[, group])"};
  (*table)["regexp_replace"] = {3, 3, BindRegexpReplace, "regexp_replace(s, pattern, replacement)"};
}

}  // namespace weir::expression
