#include <array>
#include <charconv>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/batch/batch.h"
#include "common/expression/parser.h"
#include "common/expression/suggest.h"

namespace weir::expression {

using batch::DataType;
using batch::TypeKind;

AstPtr Parser::ParseCase() {
  size_t offset = Take().offset;
  Args args;
  bool simple = !IsKeyword("when");
  if (simple) {
    AstPtr operand = ParseExpression(1);
    if (!operand) return nullptr;
    args.push_back(std::move(operand));
  }
  if (!IsKeyword("when")) return Unexpected("WHEN");
  while (TakeKeyword("when")) {
    AstPtr condition = ParseExpression(1);
    if (!condition || !ExpectKeyword("then", "after WHEN's condition")) return nullptr;
    AstPtr value = ParseExpression(1);
    if (!value) return nullptr;
    args.push_back(std::move(condition));
    args.push_back(std::move(value));
  }
  if (TakeKeyword("else")) {
    AstPtr value = ParseExpression(1);
    if (!value) return nullptr;
    args.push_back(std::move(value));
  } else {
    args.push_back(Finish(Start(AstKind::kNull, offset)));
  }
  if (!ExpectKeyword("end", "to close CASE")) return nullptr;
  return Call(simple ? "case of" : "case", offset, std::move(args));
}

AstPtr Parser::ParseCast(const Token& name) {
  AstPtr operand = ParseExpression(1);
  if (!operand || !ExpectKeyword("as", "and a type: CAST(value AS type)")) return nullptr;
  auto type = ParseType();
  if (!type || !ExpectSymbol(")", "after CAST's type")) return nullptr;
  auto ast = Start(AstKind::kCall, name.offset);
  ast->name = name.lower;
  ast->type = *type;
  ast->args = {std::move(operand)};
  return Finish(std::move(ast));
}

// extract(unit FROM value): the unit becomes the first argument, a string.
AstPtr Parser::ParseExtract(const Token& name) {
  if (Now().kind != TokenKind::kName && Now().kind != TokenKind::kString)
    return Unexpected("a unit, as in extract(hour FROM ts)");
  auto unit = Start(AstKind::kString, Now().offset);
  unit->name = Lower(Take().text);
  AstPtr first = Finish(std::move(unit));
  if (!ExpectKeyword("from", "after extract's unit")) return nullptr;
  AstPtr value = ParseExpression(1);
  if (!value || !ExpectSymbol(")", "after extract")) return nullptr;
  return Call("extract", name.offset, {std::move(first), std::move(value)});
}

// timestampadd(unit, n, ts), timestampdiff(unit, from, to).
AstPtr Parser::ParseUnitFirst(const Token& name) {
  if (Now().kind != TokenKind::kName && Now().kind != TokenKind::kString)
    return Unexpected("a unit, as in timestampdiff(SECOND, a, b)");
  auto unit = Start(AstKind::kString, Now().offset);
  unit->name = Lower(Take().text);
  Args args = {Finish(std::move(unit))};
  if (!ExpectSymbol(",", "after the unit") || !ParseList(&args)) return nullptr;
  return Call(name.lower, name.offset, std::move(args));
}

// trim(s), trim(s, chars), trim([BOTH | LEADING | TRAILING] [chars] FROM s).
AstPtr Parser::ParseTrim(const Token& name) {
  std::string function = "trim";
  bool sided = false;
  if (Now().kind == TokenKind::kName && Ahead(1).text != "," && Ahead(1).text != ")") {
    sided = IsKeyword("both") || IsKeyword("leading") || IsKeyword("trailing");
    if (sided) {
      std::string side = Take().lower;
      function = side == "both" ? "trim" : side == "leading" ? "ltrim" : "rtrim";
    }
  }
  if (sided && TakeKeyword("from")) {
    AstPtr value = ParseExpression(1);
    if (!value || !ExpectSymbol(")", "after trim")) return nullptr;
    return Call(function, name.offset, {std::move(value)});
  }
  AstPtr first = ParseExpression(1);
  if (!first) return nullptr;
  if (TakeKeyword("from")) {
    AstPtr value = ParseExpression(1);
    if (!value || !ExpectSymbol(")", "after trim")) return nullptr;
    return Call(function, name.offset, {std::move(value), std::move(first)});
  }
  if (sided) return Unexpected("FROM, as in trim(LEADING ' ' FROM s)");
  Args args = {std::move(first)};
  if (TakeSymbol(",")) {
    if (!ParseList(&args)) return nullptr;
  } else if (!ExpectSymbol(")", "after trim")) {
    return nullptr;
  }
  return Call(function, name.offset, std::move(args));
}

// substring(s, from[, count]), substring(s FROM from [FOR count]).
AstPtr Parser::ParseSubstring(const Token& name) {
  AstPtr value = ParseExpression(1);
  if (!value) return nullptr;
  Args args = {std::move(value)};
  if (TakeKeyword("from")) {
    AstPtr from = ParseExpression(1);
    if (!from) return nullptr;
    args.push_back(std::move(from));
    if (TakeKeyword("for")) {
      AstPtr count = ParseExpression(1);
      if (!count) return nullptr;
      args.push_back(std::move(count));
    }
    if (!ExpectSymbol(")", "after substring")) return nullptr;
  } else if (!ExpectSymbol(",", "or FROM after substring's first argument") || !ParseList(&args)) {
    return nullptr;
  }
  return Call("substring", name.offset, std::move(args));
}

// position(part IN whole). The part is parsed above IN's precedence, else it would take the IN.
AstPtr Parser::ParsePosition(const Token& name) {
  AstPtr part = ParseExpression(7);
  if (!part || !ExpectKeyword("in", "as in position('x' IN s)")) return nullptr;
  AstPtr whole = ParseExpression(1);
  if (!whole || !ExpectSymbol(")", "after position")) return nullptr;
  return Call("position", name.offset, {std::move(part), std::move(whole)});
}

AstPtr Parser::ParseTypedLiteral(const Token& name) {
  Take();
  Token value = Take();
  auto ast = Start(name.lower == "date" ? AstKind::kDate : AstKind::kTimestamp, name.offset);
  if (ast->kind == AstKind::kDate) {
    auto days = batch::ParseDate(value.text);
    if (!days)
      return Fail(value.offset, value.length,
                  absl::StrCat("'", value.text, "' is no date; write DATE '2026-01-31'"));
    ast->integer = *days;
  } else {
    auto micros = batch::ParseTimestamp(value.text);
    if (!micros) {
      return Fail(value.offset, value.length,
                  absl::StrCat("'", value.text,
                               "' is no timestamp; write TIMESTAMP '2026-01-31 10:00:00'"));
    }
    ast->integer = *micros;
  }
  return Finish(std::move(ast));
}

std::optional<Interval> UnitLength(std::string_view unit) {
  std::string lower = Lower(unit);
  if (lower.size() > 3 && lower.back() == 's') lower.pop_back();
  struct Unit {
    std::string_view name;
    Interval length;
  };
  static constexpr std::array<Unit, 10> kUnits = {{{"microsecond", {0, 1}},
                                                   {"millisecond", {0, 1000}},
                                                   {"second", {0, 1'000'000}},
                                                   {"minute", {0, 60'000'000}},
                                                   {"hour", {0, 3'600'000'000}},
                                                   {"day", {0, 86'400'000'000}},
                                                   {"week", {0, 604'800'000'000}},
                                                   {"month", {1, 0}},
                                                   {"quarter", {3, 0}},
                                                   {"year", {12, 0}}}};
  for (const Unit& entry : kUnits) {
    if (entry.name == lower) return entry.length;
  }
  return std::nullopt;
}

// INTERVAL '5' MINUTE, INTERVAL 5 MINUTE, INTERVAL '1 hour 30 minutes'.
AstPtr Parser::ParseInterval(const Token& name) {
  Take();
  Token value = Take();
  std::string text = value.text;
  if (Now().kind == TokenKind::kName && UnitLength(Now().text))
    absl::StrAppend(&text, " ", Take().text);
  auto ast = Start(AstKind::kInterval, name.offset);
  auto fail = [&]() -> AstPtr {
    return Fail(
        value.offset, value.length,
        absl::StrCat("`", text.substr(0, 60), "` is no interval; write INTERVAL '5' MINUTE"));
  };
  constexpr int64_t kMost = int64_t{1} << 61;  // a sum of two cannot overflow
  const char* at = text.c_str();
  bool any = false;
  while (true) {
    while (*at == ' ') ++at;
    if (*at == '\0') break;
    char* end = nullptr;
    if (*at != '-' && *at != '+' && (*at < '0' || *at > '9')) return fail();
    long long count = std::strtoll(at, &end, 10);
    if (end == at) return fail();
    int64_t millionths = 0;
    if (*end == '.') {
      int digits = 0;
      for (++end; *end >= '0' && *end <= '9' && digits < 6; ++end, ++digits)
        millionths = millionths * 10 + (*end - '0');
      for (; digits < 6; ++digits) millionths *= 10;
    }
    bool negative = *at == '-';
    at = end;
    while (*at == ' ') ++at;
    const char* from = at;
    while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')) ++at;
    auto unit = UnitLength(std::string_view(from, static_cast<size_t>(at - from)));
    if (!unit || (millionths != 0 && unit->months != 0)) return fail();
    __int128 micros =
        static_cast<__int128>(unit->micros) * count +
        static_cast<__int128>(unit->micros) * millionths / 1'000'000 * (negative ? -1 : 1);
    __int128 months = static_cast<__int128>(unit->months) * count;
    micros += ast->interval.micros;
    months += ast->interval.months;
    if (micros > kMost || micros < -kMost || months > 1'000'000 || months < -1'000'000)
      return fail();
    ast->interval = {static_cast<int64_t>(months), static_cast<int64_t>(micros)};
    any = true;
  }
  if (!any) return fail();
  return Finish(std::move(ast));
}

bool Parser::ParseTypeParameters(std::vector<int>* parameters) {
  if (!TakeSymbol("(")) return true;
  do {
    if (Now().kind != TokenKind::kInteger) return Unexpected("a number"), false;
    const Token& token = Take();
    int value = 0;
    std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    parameters->push_back(value);
  } while (TakeSymbol(","));
  return ExpectSymbol(")", "after the type's parameters");
}

std::optional<DataType> Parser::ParseType() {
  struct Name {
    std::string_view name;
    TypeKind kind;
  };
  static constexpr std::array<Name, 18> kTypes = {{{"boolean", TypeKind::kBoolean},
                                                   {"bool", TypeKind::kBoolean},
                                                   {"int", TypeKind::kInt},
                                                   {"integer", TypeKind::kInt},
                                                   {"bigint", TypeKind::kBigint},
                                                   {"double", TypeKind::kDouble},
                                                   {"decimal", TypeKind::kDecimal},
                                                   {"numeric", TypeKind::kDecimal},
                                                   {"dec", TypeKind::kDecimal},
                                                   {"string", TypeKind::kString},
                                                   {"varchar", TypeKind::kString},
                                                   {"text", TypeKind::kString},
                                                   {"bytes", TypeKind::kBytes},
                                                   {"varbinary", TypeKind::kBytes},
                                                   {"timestamp", TypeKind::kTimestamp},
                                                   {"date", TypeKind::kDate},
                                                   {"int4", TypeKind::kInt},
                                                   {"int8", TypeKind::kBigint}}};
  Token name = Now();
  const Name* found = nullptr;
  if (name.kind == TokenKind::kName) {
    for (const Name& entry : kTypes) {
      if (entry.name == name.lower) found = &entry;
    }
  }
  if (found == nullptr) {
    static const std::vector<std::string> kNames = {
        "boolean", "int", "bigint", "double", "decimal", "string", "bytes", "timestamp", "date"};
    if (name.kind == TokenKind::kEnd) return Unexpected("a type"), std::nullopt;
    std::string near = DidYouMean(name.text, kNames);
    FailAtNow(absl::StrCat("`", name.text.substr(0, 40), "` is no type",
                           near.empty() ? "; there are boolean, int, bigint, double, decimal(p,s), "
                                          "string, bytes, timestamp, date"
                                        : near));
    return std::nullopt;
  }
  Take();
  if (found->kind == TypeKind::kDouble) TakeKeyword("precision");
  std::vector<int> parameters;
  bool given = IsSymbol("(");
  if (!ParseTypeParameters(&parameters)) return std::nullopt;
  DataType type{found->kind, true, 0, 0};
  if (found->kind == TypeKind::kDecimal) {
    int precision = given ? parameters[0] : 10;
    int scale = parameters.size() > 1 ? parameters[1] : 0;
    if (parameters.size() > 2 || precision < 1 || precision > 38 || scale > precision) {
      Fail(name.offset, name.length, "decimal(p,s) needs 1 <= p <= 38 and 0 <= s <= p");
      return std::nullopt;
    }
    type.precision = static_cast<uint8_t>(precision);
    type.scale = static_cast<uint8_t>(scale);
  } else if (given) {
    Fail(name.offset, name.length,
         absl::StrCat("the type ", name.lower, " takes no parameters here"));
    return std::nullopt;
  }
  return type;
}

bool Parser::ParseWholeAggregate(AggregateCall* call) {
  if (!Begin()) return false;
  struct Entry {
    std::string_view name;
    AggregateFunction function;
  };
  static constexpr std::array<Entry, 5> kFunctions = {{{"count", AggregateFunction::kCount},
                                                       {"sum", AggregateFunction::kSum},
                                                       {"avg", AggregateFunction::kAvg},
                                                       {"min", AggregateFunction::kMin},
                                                       {"max", AggregateFunction::kMax}}};
  Token name = Now();
  const Entry* found = nullptr;
  if (name.kind == TokenKind::kName && Ahead(1).text == "(" &&
      Ahead(1).kind == TokenKind::kSymbol) {
    for (const Entry& entry : kFunctions) {
      if (entry.name == name.lower) found = &entry;
    }
    if (found == nullptr) {
      std::string near = DidYouMean(name.lower, {"count", "sum", "avg", "min", "max"});
      FailAtNow(absl::StrCat("`", name.text, "` is no aggregate",
                             near.empty() ? "; there are count, sum, avg, min, max" : near));
      return false;
    }
  } else {
    FailAtNow(
        "an entry of `aggregate` is one call of count, sum, avg, min or max, as in sum(amount)");
    return false;
  }
  Take();
  Take();
  call->function = found->function;
  bool distinct = TakeKeyword("distinct");
  if (found->function == AggregateFunction::kCount && !distinct && TakeSymbol("*")) {
    call->function = AggregateFunction::kCountStar;
  } else {
    call->argument = ParseExpression(1);
    if (!call->argument) return false;
  }
  if (distinct && found->function == AggregateFunction::kCount) {
    call->function = AggregateFunction::kCountDistinct;
  } else if (distinct && (found->function == AggregateFunction::kSum ||
                          found->function == AggregateFunction::kAvg)) {
    Fail(name.offset, name.length,
         absl::StrCat(name.lower, "(DISTINCT …) is not supported yet; only count takes DISTINCT"));
    return false;
  }
  if (!ExpectSymbol(")", absl::StrCat("after ", name.lower, "'s argument"))) return false;
  const Token& last = tokens_[at_ - 1];
  call->offset = name.offset;
  call->length = last.offset + last.length - name.offset;
  if (TakeKeyword("filter")) {
    if (!ExpectSymbol("(", "after FILTER") || !ExpectKeyword("where", "in FILTER (WHERE …)"))
      return false;
    call->filter = ParseExpression(1);
    if (!call->filter || !ExpectSymbol(")", "after FILTER's condition")) return false;
  }
  if (Now().kind != TokenKind::kEnd) {
    FailAtNow(
        "an entry of `aggregate` is one call, optionally with FILTER (WHERE …); compute further in "
        "a `select` behind it");
    return false;
  }
  // Offsets refer to the whole entry, so both parts keep its text.
  for (AstPtr* part : {&call->argument, &call->filter}) {
    if (*part == nullptr) continue;
    auto root = std::make_shared<Ast>(**part);
    root->text = std::string(text_);
    *part = std::move(root);
  }
  return true;
}

}  // namespace weir::expression
