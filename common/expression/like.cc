// LIKE and ILIKE.
#include "common/expression/like.h"

#include "common/expression/byte_search.h"
#include "common/expression/functions.h"
#include "common/expression/text.h"

namespace weir::expression {

using batch::Column;
using batch::TypeKind;

void LikePattern::AddLiteral(std::string_view text) {
  if (pieces_.empty() || pieces_.back().kind != Piece::Kind::kLiteral) pieces_.push_back({Piece::Kind::kLiteral, ""});
  pieces_.back().text += text;
}

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
      out.AddLiteral(pattern.substr(at, size));
      at += size;
    } else if (c == "%") {
      if (!out.pieces_.empty() && out.pieces_.back().kind == Piece::Kind::kAny) continue;
      out.pieces_.push_back({Piece::Kind::kAny, ""});
      ++wild;
    } else if (c == "_") {
      out.pieces_.push_back({Piece::Kind::kOne, ""});
      wild += 1000;
    } else {
      out.AddLiteral(c);
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
      return FindBytes(text, literal_) != std::string_view::npos;
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
    if (retry_piece < pieces_.size() && pieces_[retry_piece].kind == Piece::Kind::kLiteral) {
      const size_t found = FindBytes(text.substr(retry_at), pieces_[retry_piece].text);
      if (found == std::string_view::npos) return false;
      retry_at += found;
    }
    at = retry_at;
    piece = retry_piece;
  }
}

namespace {

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
  // `text` for ILIKE in lower case, in `*buffer`.
  auto folded = [fold](std::string_view text, std::string* buffer) {
    if (!fold) return text;
    buffer->clear();
    ChangeCase(text, false, buffer);
    return std::string_view(*buffer);
  };
  std::string own;
  constexpr std::string_view kBad = "a LIKE pattern ends in its escape character";
  const Column* constant = call.args[1]->Value();
  if (constant != nullptr && !constant->IsNull(0)) {
    auto pattern = LikePattern::Make(folded(constant->text(0), &own), escape);
    if (!pattern) return call.FailAt(1, std::string(kBad));
    return call.MakeOf(
        {call.args[0]}, {TypeKind::kBoolean},
        [pattern = std::move(*pattern), folded](KernelCall& c) {
          uint8_t* out = c.out->mutable_data<uint8_t>();
          std::string buffer;
          ForLive(c, [&](int64_t i) { out[i] = pattern.Matches(folded(c.text(0, i), &buffer)); });
        },
        kPartial);
  }
  return call.MakeOf(
      {call.args[0], call.args[1]}, {TypeKind::kBoolean},
      [escape, kBad, folded](KernelCall& c) {
        uint8_t* out = c.out->mutable_data<uint8_t>();
        std::string buffer;
        ForLive(c, [&](int64_t i) {
          auto pattern = LikePattern::Make(folded(c.text(1, i), &buffer), escape);
          if (!pattern) return c.Fail(i, kBad);
          out[i] = pattern->Matches(folded(c.text(0, i), &buffer));
        });
      },
      kMayFail | kPartial);
}

}  // namespace

void AddLike(FunctionTable* table) {
  (*table)["like"] = {2, 3, BindLike, ""};
  (*table)["ilike"] = {2, 3, BindLike, ""};
}

}  // namespace weir::expression
