// Functions that make strings of strings.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/expression/byte_search.h"
#include "common/expression/functions.h"
#include "common/expression/text.h"

namespace weir::expression {

using batch::DataType;
using batch::StringRef;
using batch::TypeKind;

namespace {

constexpr std::string_view kTooLong = "the string would be longer than 16 MiB";

NodePtr BindConcat(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  if (call.size() == 1) return call.args[0];
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          size_t size = 0;
          for (const auto& arg : c.args) size += arg.at<StringRef>(i).size;
          if (size > kMaxStringResult) return c.Fail(i, kTooLong);
          char small[StringRef::kInline];
          char* out = size <= StringRef::kInline ? small : c.arena->Allocate(size);
          char* at = out;
          for (const auto& arg : c.args) {
            std::string_view text = arg.text(i);
            at = std::copy(text.begin(), text.end(), at);
          }
          c.SetView(i, {out, size});
        });
      },
      kMayFail | kPartial);
}

// concat_ws(separator, a, …): NULLs among the values are left out.
NodePtr BindConcatWs(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  bool nullable = call.type(0).nullable;
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        std::string joined;
        for (int64_t i = 0; i < c.rows; ++i) {
          if (!c.Live(i)) continue;
          if (c.args[0].IsNull(i)) {
            c.SetNull(i);
            continue;
          }
          joined.clear();
          bool first = true;
          for (size_t k = 1; k < c.args.size(); ++k) {
            if (c.args[k].IsNull(i)) continue;
            if (!first) joined.append(c.args[0].text(i));
            first = false;
            joined.append(c.args[k].text(i));
          }
          if (joined.size() > kMaxStringResult) {
            c.Fail(i, kTooLong);
          } else {
            c.SetCopy(i, joined);
          }
        }
      },
      kTakesNull | kMayFail | kPartial | (nullable ? kMayNull : kPure));
}

NodePtr BindCase(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  bool upper = call.ast.name == "upper" || call.ast.name == "ucase";
  return call.Make(
      TypeKind::kString,
      [upper](KernelCall& c) {
        std::string changed;
        StringRef* out = c.out->mutable_data<StringRef>();
        ForLive(c, [&](int64_t i) {
          const StringRef& text = c.args[0].at<StringRef>(i);
          if (text.is_inline()) {
            // The bytes of the size are no letters, so all 16 are changed at once.
            static_assert(StringRef::kInline < 'A');
            if (ChangeAsciiCase({reinterpret_cast<const char*>(&text), sizeof(text)}, upper,
                                reinterpret_cast<char*>(&out[i])))
              return;
          } else {
            char* copy = c.arena->Allocate(text.size);
            if (ChangeAsciiCase(text.view(), upper, copy)) return c.SetView(i, {copy, text.size});
          }
          changed.clear();
          ChangeCase(text.view(), upper, &changed);
          c.SetCopy(i, changed);
        });
      },
      kPartial);
}

NodePtr BindInitcap(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        std::string changed;
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i);
          changed.clear();
          bool start = true;
          for (size_t at = 0; at < text.size();) {
            size_t size = CharacterBytes(text.substr(at));
            char head = text[at];
            ChangeCase(text.substr(at, size), start, &changed);
            start = size == 1 && !((head >= 'a' && head <= 'z') || (head >= 'A' && head <= 'Z') ||
                                   (head >= '0' && head <= '9'));
            at += size;
          }
          c.SetCopy(i, changed);
        });
      },
      kPartial);
}

// Whether the character at the start of `text` is one of `set`.
bool StartsWithOneOf(std::string_view text, std::string_view set, size_t* size) {
  *size = CharacterBytes(text);
  return set.find(text.substr(0, *size)) != std::string_view::npos;
}

std::string_view TrimLeft(std::string_view text, std::string_view set) {
  size_t size;
  while (!text.empty() && StartsWithOneOf(text, set, &size)) text.remove_prefix(size);
  return text;
}

std::string_view TrimRight(std::string_view text, std::string_view set) {
  while (!text.empty()) {
    size_t from = text.size() - 1;
    while (from > 0 && text.size() - from < 4 &&
           (static_cast<unsigned char>(text[from]) & 0xc0) == 0x80)
      --from;
    if (set.find(text.substr(from)) == std::string_view::npos) break;
    text = text.substr(0, from);
  }
  return text;
}

NodePtr BindTrim(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  bool left = call.ast.name != "rtrim", right = call.ast.name != "ltrim";
  return call.Make(
      TypeKind::kString,
      [left, right](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i);
          std::string_view set = c.args.size() > 1 ? c.text(1, i) : std::string_view(" ");
          if (left) text = TrimLeft(text, set);
          if (right) text = TrimRight(text, set);
          c.SetView(i, text);
        });
        c.KeepBytes(0);
      },
      kPartial);
}

// Characters [from, from + count) of text, from 1; what lies outside is left out, as in PostgreSQL.
// A negative start counts from the end, as in Flink.
std::string_view Part(std::string_view text, int64_t from, int64_t count) {
  if (from < 0) from = std::max<int64_t>(CountCharacters(text) + from + 1, 1);
  int64_t end = count > INT64_MAX - std::max<int64_t>(from, 0) ? INT64_MAX : from + count;
  if (from < 1) from = 1;
  if (end <= from) return {};
  text.remove_prefix(PrefixBytes(text, from - 1));
  return text.substr(0, PrefixBytes(text, end - from));
}

NodePtr BindSubstring(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString)) return nullptr;
  for (size_t i = 1; i < call.size(); ++i) {
    if (!call.WantKind(i, TypeKind::kBigint)) return nullptr;
  }
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          int64_t count = c.args.size() > 2 ? c.args[2].at<int64_t>(i) : INT64_MAX;
          if (count < 0) return c.Fail(i, "a negative length");
          c.SetView(i, Part(c.text(0, i), c.args[1].at<int64_t>(i), count));
        });
        c.KeepBytes(0);
      },
      kPartial | (call.size() > 2 ? kMayFail : kPure));
}

// left(s, n), right(s, n); a negative n leaves out that many at the other end.
NodePtr BindSide(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantKind(1, TypeKind::kBigint)) return nullptr;
  bool left = call.ast.name == "left";
  return call.Make(
      TypeKind::kString,
      [left](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i);
          int64_t all = CountCharacters(text);
          int64_t n = c.args[1].at<int64_t>(i);
          n = n < 0 ? (n < -all ? 0 : all + n) : std::min(n, all);
          c.SetView(i, left ? text.substr(0, PrefixBytes(text, n))
                            : text.substr(PrefixBytes(text, all - n)));
        });
        c.KeepBytes(0);
      },
      kPartial);
}

NodePtr BindPad(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantKind(1, TypeKind::kBigint)) return nullptr;
  if (call.size() > 2 && !call.WantKind(2, TypeKind::kString)) return nullptr;
  bool left = call.ast.name == "lpad";
  return call.Make(
      TypeKind::kString,
      [left](KernelCall& c) {
        std::string padded;
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i);
          std::string_view fill = c.args.size() > 2 ? c.text(2, i) : std::string_view(" ");
          int64_t length = c.args[1].at<int64_t>(i);
          if (length > static_cast<int64_t>(kMaxStringResult)) return c.Fail(i, kTooLong);
          int64_t missing = length - CountCharacters(text);
          if (missing <= 0 || fill.empty())
            return c.SetCopy(i, text.substr(0, PrefixBytes(text, length)));
          padded.assign(left ? "" : text);
          for (int64_t each = CountCharacters(fill); missing > 0 && each > 0; missing -= each) {
            padded.append(fill.substr(0, PrefixBytes(fill, missing)));
            if (padded.size() > kMaxStringResult) return c.Fail(i, kTooLong);
          }
          if (left) padded.append(text);
          c.SetCopy(i, padded);
        });
      },
      kMayFail | kPartial);
}

NodePtr BindReverse(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        std::string reversed;
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i);
          reversed.resize(text.size());
          for (size_t at = 0; at < text.size();) {
            size_t size = CharacterBytes(text.substr(at));
            text.copy(reversed.data() + text.size() - at - size, size, at);
            at += size;
          }
          c.SetCopy(i, reversed);
        });
      },
      kPartial);
}

NodePtr BindRepeat(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantKind(1, TypeKind::kBigint)) return nullptr;
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        std::string repeated;
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i);
          int64_t times = std::max<int64_t>(c.args[1].at<int64_t>(i), 0);
          if (!text.empty() && static_cast<uint64_t>(times) > kMaxStringResult / text.size())
            return c.Fail(i, kTooLong);
          repeated.clear();
          for (int64_t k = 0; k < times && !text.empty(); ++k) repeated.append(text);
          c.SetCopy(i, repeated);
        });
      },
      kMayFail | kPartial);
}

NodePtr BindReplace(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  return call.Make(
      TypeKind::kString,
      [](KernelCall& c) {
        std::string replaced;
        ForLive(c, [&](int64_t i) {
          std::string_view text = c.text(0, i), from = c.text(1, i), to = c.text(2, i);
          size_t found = from.empty() ? std::string_view::npos : FindBytes(text, from);
          if (found == std::string_view::npos) return c.SetView(i, text);
          replaced.clear();
          size_t at = 0;
          for (; found != std::string_view::npos; found = FindBytes(text.substr(at), from)) {
            replaced.append(text.substr(at, found)).append(to);
            at += found + from.size();
            if (replaced.size() > kMaxStringResult) return c.Fail(i, kTooLong);
          }
          c.SetCopy(i, replaced.append(text.substr(at)));
        });
        c.KeepBytes(0);
      },
      kMayFail | kPartial);
}

}  // namespace

void AddStrings(FunctionTable* table) {
  (*table)["||"] = {2, -1, BindConcat, ""};
  (*table)["concat"] = {1, -1, BindConcat, "concat(a, b, …)"};
  (*table)["concat_ws"] = {2, -1, BindConcatWs, "concat_ws(separator, a, b, …)"};
  (*table)["upper"] = {1, 1, BindCase, "upper(s)"};
  (*table)["ucase"] = {1, 1, BindCase, "ucase(s)"};
  (*table)["lower"] = {1, 1, BindCase, "lower(s)"};
  (*table)["lcase"] = {1, 1, BindCase, "lcase(s)"};
  (*table)["initcap"] = {1, 1, BindInitcap, "initcap(s)"};
  (*table)["trim"] = {1, 2, BindTrim, "trim([BOTH | LEADING | TRAILING] [chars FROM] s)"};
  (*table)["btrim"] = {1, 2, BindTrim, "btrim(s[, chars])"};
  (*table)["ltrim"] = {1, 2, BindTrim, "ltrim(s[, chars])"};
  (*table)["rtrim"] = {1, 2, BindTrim, "rtrim(s[, chars])"};
  (*table)["substring"] = {2, 3, BindSubstring, "substring(s, from[, count])"};
  (*table)["substr"] = {2, 3, BindSubstring, "substr(s, from[, count])"};
  (*table)["left"] = {2, 2, BindSide, "left(s, n)"};
  (*table)["right"] = {2, 2, BindSide, "right(s, n)"};
  (*table)["lpad"] = {2, 3, BindPad, "lpad(s, length[, fill])"};
  (*table)["rpad"] = {2, 3, BindPad, "rpad(s, length[, fill])"};
  (*table)["reverse"] = {1, 1, BindReverse, "reverse(s)"};
  (*table)["repeat"] = {2, 2, BindRepeat, "repeat(s, n)"};
  (*table)["replace"] = {3, 3, BindReplace, "replace(s, from, to)"};
}

}  // namespace weir::expression
