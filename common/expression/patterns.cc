// Regular expressions.
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/expression/functions.h"
#include "common/expression/regexp.h"
#include "common/expression/text.h"

namespace weir::expression {

using batch::Column;
using batch::TypeKind;

namespace {

using RegexpPtr = std::shared_ptr<const Regexp>;

// The compiled constant pattern in argument 1; null after a problem.
RegexpPtr Compiled(BoundCall& call) {
  const Column* value = call.WantConstant(1, "the pattern");
  if (value == nullptr) return nullptr;
  auto pattern = Regexp::Make(value->text(0));
  if (pattern.ok()) return *std::move(pattern);
  call.FailAt(1, absl::StrCat("bad regular expression: ", pattern.status().message()));
  return nullptr;
}

NodePtr BindRegexpLike(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  RegexpPtr pattern = Compiled(call);
  if (!pattern) return nullptr;
  return call.MakeOf(
      {call.args[0]}, {TypeKind::kBoolean},
      [pattern](KernelCall& c) {
        uint8_t* out = c.out->mutable_data<uint8_t>();
        ForLive(c, [&](int64_t i) { out[i] = pattern->Find(c.text(0, i)); });
      },
      kPartial);
}

// regexp_extract(s, pattern[, group]): the group (0: the whole match) of the first match, NULL
// without one. regexp_substr(s, pattern): the whole match.
NodePtr BindRegexpExtract(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantKind(1, TypeKind::kString)) return nullptr;
  RegexpPtr pattern = Compiled(call);
  if (!pattern) return nullptr;
  int group = 0;
  if (call.size() > 2) {
    if (!call.WantKind(2, TypeKind::kInt)) return nullptr;
    const Column* value = call.WantConstant(2, "the group");
    if (value == nullptr) return nullptr;
    group = value->at<int32_t>(0);
  }
  if (group < 0 || group > pattern->groups()) {
    return call.FailAt(call.size() > 2 ? 2 : 1,
                       absl::StrCat("the pattern has ", pattern->groups(),
                                    " groups, there is no group ", group));
  }
  return call.MakeOf(
      {call.args[0]}, {TypeKind::kString},
      [pattern, group](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          std::string_view part;
          if (!pattern->Extract(c.text(0, i), group, &part)) return c.SetNull(i);
          c.SetView(i, part);
        });
        c.KeepBytes(0);
      },
      kMayNull | kPartial);
}

// regexp_count(s, pattern): matches without overlap. regexp_instr(s, pattern): where the first one
// begins, in characters from 1; 0 without one.
NodePtr BindRegexpNumber(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  RegexpPtr pattern = Compiled(call);
  if (!pattern) return nullptr;
  bool count = call.ast.name == "regexp_count";
  return call.MakeOf(
      {call.args[0]}, {TypeKind::kInt},
      [pattern, count](KernelCall& c) {
        int32_t* out = c.out->mutable_data<int32_t>();
        ForLive(c, [&](int64_t i) {
          const std::string_view text = c.text(0, i);
          std::string_view match;
          if (count) {
            out[i] = static_cast<int32_t>(pattern->Count(text));
          } else if (pattern->Extract(text, 0, &match)) {
            const auto before = static_cast<size_t>(match.data() - text.data());
            out[i] = static_cast<int32_t>(CountCharacters(text.substr(0, before)) + 1);
          }
        });
      },
      kPartial);
}

// regexp_replace(s, pattern, replacement): every match; $1 and \1 stand for groups.
NodePtr BindRegexpReplace(BoundCall& call) {
  if (!call.WantAll(TypeKind::kString)) return nullptr;
  RegexpPtr pattern = Compiled(call);
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
  if (const std::string problem = pattern->ProblemOfRewrite(rewrite); !problem.empty())
    return call.FailAt(2, absl::StrCat("bad replacement: ", problem));
  return call.MakeOf(
      {call.args[0]}, {TypeKind::kString},
      [pattern, rewrite](KernelCall& c) {
        std::string text;
        ForLive(c, [&](int64_t i) {
          text.assign(c.text(0, i));
          pattern->ReplaceAll(&text, rewrite);
          if (text.size() > kMaxStringResult)
            return c.Fail(i, "the string would be longer than 16 MiB");
          c.SetCopy(i, text);
        });
      },
      kMayFail | kPartial);
}

}  // namespace

void AddPatterns(FunctionTable* table) {
  (*table)["regexp_like"] = {2, 2, BindRegexpLike, "regexp_like(s, pattern)"};
  (*table)["regexp"] = {2, 2, BindRegexpLike, "regexp(s, pattern)"};
  (*table)["regexp_extract"] = {2, 3, BindRegexpExtract, "regexp_extract(s, pattern[, group])"};
  (*table)["regexp_substr"] = {2, 2, BindRegexpExtract, "regexp_substr(s, pattern)"};
  (*table)["regexp_count"] = {2, 2, BindRegexpNumber, "regexp_count(s, pattern)"};
  (*table)["regexp_instr"] = {2, 2, BindRegexpNumber, "regexp_instr(s, pattern)"};
  (*table)["regexp_replace"] = {3, 3, BindRegexpReplace, "regexp_replace(s, pattern, replacement)"};
}

}  // namespace weir::expression
