// Functions that look into strings: length, position, prefixes, parts.
#include <algorithm>

#include "common/expression/byte_search.h"
#include "common/expression/functions.h"
#include "common/expression/text.h"

namespace weir::expression {

using batch::StringRef;
using batch::TypeKind;

namespace {

bool WantBytesOrText(BoundCall& call, size_t i) {
  return call.kind(i) == TypeKind::kBytes || call.WantKind(i, TypeKind::kString);
}

NodePtr BindLength(BoundCall& call) {
  bool characters = call.ast.name != "octet_length";
  if (!WantBytesOrText(call, 0)) return nullptr;
  if (call.kind(0) == TypeKind::kBytes) characters = false;
  return call.Make(TypeKind::kInt, [characters](KernelCall& c) {
    Map1<StringRef, int32_t>(c, [characters](const StringRef& text) {
      return static_cast<int32_t>(characters ? CountCharacters(text.view()) : text.size);
    });
  });
}

// Where `part` begins in `text`, in characters from 1; 0 when it does not occur.
int32_t Position(std::string_view text, std::string_view part) {
  size_t at = FindBytes(text, part);
  return at == std::string_view::npos
             ? 0
             : static_cast<int32_t>(CountCharacters(text.substr(0, at)) + 1);
}

NodePtr BindPosition(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  // position(part IN s) and locate(part, s); the others take the string first.
  bool part_first = call.ast.name == "position" || call.ast.name == "locate";
  return call.Make(
      TypeKind::kInt,
      [part_first](KernelCall& c) {
        int32_t* out = c.out->mutable_data<int32_t>();
        ForLive(c, [&](int64_t i) {
          out[i] = Position(c.text(part_first ? 1 : 0, i), c.text(part_first ? 0 : 1, i));
        });
      },
      kPartial);
}

NodePtr BindAffix(BoundCall& call) {
  for (size_t i = 0; i < 2; ++i) {
    if (!WantBytesOrText(call, i)) return nullptr;
  }
  if (!call.WantCommon()) return nullptr;
  bool prefix = call.ast.name[0] == 's';
  return call.Make(TypeKind::kBoolean, [prefix](KernelCall& c) {
    Map2<StringRef, StringRef, uint8_t>(c, [prefix](const StringRef& text, const StringRef& part) {
      if (part.size > text.size) return uint8_t{0};
      std::string_view view = text.view();
      return static_cast<uint8_t>(
          (prefix ? view.substr(0, part.size) : view.substr(text.size - part.size)) == part.view());
    });
  });
}

// The part number `wanted` (from 0) between delimiters; false when there is none.
bool PartAt(std::string_view text, std::string_view delimiter, int64_t wanted,
            std::string_view* part) {
  constexpr size_t kNone = std::string_view::npos;
  if (delimiter.empty()) {
    *part = text;
    return wanted == 0;
  }
  size_t at = 0;
  if (delimiter.size() == 1 && wanted > 0) {
    at = FindNthByte(text, delimiter[0], wanted - 1);
    if (at == kNone) return false;
    ++at;
  } else {
    for (int64_t k = 0; k < wanted; ++k) {
      const size_t found = FindBytes(text.substr(at), delimiter);
      if (found == kNone) return false;
      at += found + delimiter.size();
    }
  }
  *part = text.substr(at);
  *part = part->substr(0, FindBytes(*part, delimiter));
  return true;
}

int64_t CountParts(std::string_view text, std::string_view delimiter) {
  if (delimiter.empty()) return 1;
  if (delimiter.size() == 1) return CountByte(text, delimiter[0]) + 1;
  int64_t parts = 1;
  for (size_t found; (found = FindBytes(text, delimiter)) != std::string_view::npos; ++parts)
    text.remove_prefix(found + delimiter.size());
  return parts;
}

// split_part(s, delimiter, n): from 1, negative from the end, '' beyond (PostgreSQL).
NodePtr BindSplitPart(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantKind(1, TypeKind::kString) ||
      !call.WantKind(2, TypeKind::kBigint))
    return nullptr;
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i), delimiter = c.text(1, i), part;
          int64_t n = c.args[2].at<int64_t>(i);
          if (n == 0) return c.Fail(i, "split_part counts from 1, part 0");
          int64_t wanted =
              n > 0 ? n - 1 : CountParts(text, delimiter) + std::max(n, -(int64_t{1} << 40));
          if (wanted >= 0 && PartAt(text, delimiter, wanted, &part)) c.SetView(i, part);
        });
        c.KeepBytes(0);
      },
      kMayFail | kPartial);
}

// split_index(s, delimiter, n): from 0, NULL beyond (Flink).
NodePtr BindSplitIndex(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantKind(1, TypeKind::kString) ||
      !call.WantKind(2, TypeKind::kBigint))
    return nullptr;
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          std::string_view part;
          int64_t n = c.args[2].at<int64_t>(i);
          if (n >= 0 && PartAt(c.text(0, i), c.text(1, i), n, &part)) {
            c.SetView(i, part);
          } else {
            c.SetNull(i);
          }
        });
        c.KeepBytes(0);
      },
      kMayNull | kPartial);
}

}  // namespace

void AddStringSearch(FunctionTable* table) {
  (*table)["length"] = {1, 1, BindLength, "length(s)"};
  (*table)["char_length"] = {1, 1, BindLength, "char_length(s)"};
  (*table)["character_length"] = {1, 1, BindLength, "character_length(s)"};
  (*table)["octet_length"] = {1, 1, BindLength, "octet_length(s)"};
  (*table)["position"] = {2, 2, BindPosition, "position(part IN s)"};
  (*table)["locate"] = {2, 2, BindPosition, "locate(part, s)"};
  (*table)["strpos"] = {2, 2, BindPosition, "strpos(s, part)"};
  (*table)["instr"] = {2, 2, BindPosition, "instr(s, part)"};
  (*table)["starts_with"] = {2, 2, BindAffix, "starts_with(s, prefix)"};
  (*table)["startswith"] = {2, 2, BindAffix, "startswith(s, prefix)"};
  (*table)["ends_with"] = {2, 2, BindAffix, "ends_with(s, suffix)"};
  (*table)["endswith"] = {2, 2, BindAffix, "endswith(s, suffix)"};
  (*table)["split_part"] = {3, 3, BindSplitPart, "split_part(s, delimiter, n)"};
  (*table)["split_index"] = {3, 3, BindSplitIndex, "split_index(s, delimiter, n)"};
}

}  // namespace weir::expression
