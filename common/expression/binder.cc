#include "common/expression/binder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/expression/functions.h"
#include "common/expression/suggest.h"

namespace weir::expression {

using batch::Column;
using batch::DataType;
using batch::StringRef;
using batch::TypeKind;

std::nullptr_t Binder::Fail(const Ast& at, std::string message) {
  if (!problem_) problem_ = Problem{at.offset, at.length, std::move(message)};
  return nullptr;
}

std::string Binder::Snippet(const Ast& at) const {
  if (at.offset >= text_.size()) return "";
  std::string out;
  for (char c : text_.substr(at.offset, at.length)) {
    bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (space && !out.empty() && out.back() == ' ') continue;
    out.push_back(space ? ' ' : c);
  }
  return out;
}

uint64_t Binder::NextCallSite() {
  uint64_t hash =
      0xcbf29ce484222325ULL;  // FNV-1a: any fixed hash will do, as seeds are mixed again
  for (char c : options_.call_site)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash + 0x9e3779b97f4a7c15ULL * ++call_sites_;
}

NodePtr Binder::Bind(const Ast& ast) {
  switch (ast.kind) {
    case AstKind::kColumn:
      return BindColumn(ast);
    case AstKind::kCall:
      return BindCall(ast);
    default:
      return BindLiteral(ast);
  }
}

NodePtr Binder::BindLiteral(const Ast& ast) {
  auto make = [](DataType type, auto value) -> NodePtr {
    return std::make_shared<ConstantNode>(Column::Constant(type, 1, value));
  };
  switch (ast.kind) {
    case AstKind::kNull: {
      // The kind `untyped` has no width, so the value is stored as a boolean.
      Column null = Column::Null({TypeKind::kBoolean, true}, 1);
      null.set_type({kUntyped, true});
      return std::make_shared<ConstantNode>(std::move(null));
    }
    case AstKind::kBoolean:
      return make({TypeKind::kBoolean, false}, static_cast<uint8_t>(ast.integer));
    case AstKind::kInteger:
      if (ast.integer >= INT32_MIN && ast.integer <= INT32_MAX)
        return make({TypeKind::kInt, false}, static_cast<int32_t>(ast.integer));
      return make({TypeKind::kBigint, false}, ast.integer);
    case AstKind::kDecimal:
      return make(ast.type, ast.decimal);
    case AstKind::kDouble:
      return make({TypeKind::kDouble, false}, ast.real);
    case AstKind::kString: {
      auto bytes = batch::Buffer::Copy(ast.name);
      return std::make_shared<ConstantNode>(
          Column::Constant({TypeKind::kString, false}, 1, StringRef(bytes->view()), {bytes}));
    }
    case AstKind::kTimestamp:
      return make({TypeKind::kTimestamp, false}, ast.integer);
    case AstKind::kDate:
      return make({TypeKind::kDate, false}, static_cast<int32_t>(ast.integer));
    case AstKind::kInterval:
      return Fail(ast, "an INTERVAL stands only behind + or -, next to a timestamp or date");
    case AstKind::kColumn:
    case AstKind::kCall:
      break;
  }
  return nullptr;
}

NodePtr Binder::BindColumn(const Ast& ast) {
  int index = schema_.IndexOf(ast.name);
  if (index < 0) {
    std::vector<std::string> names;
    for (const batch::Field& field : schema_.fields) names.push_back(field.name);
    std::string hint = DidYouMean(ast.name, names);
    if (hint.empty() && names.empty()) {
      hint = "; there are no columns here";
    } else if (hint.empty() && names.size() <= 12) {
      hint = "; there are ";
      for (size_t i = 0; i < names.size(); ++i)
        absl::StrAppend(&hint, i == 0 ? "" : ", ", names[i]);
    }
    if (text_.substr(ast.offset, 1) == "\"") hint += " (a string is written in single quotes)";
    return Fail(ast, absl::StrCat("unknown column `", ast.name, "`", hint));
  }
  columns_.insert(index);
  return std::make_shared<ColumnNode>(index, schema_.fields[static_cast<size_t>(index)].type);
}

void Binder::ShareRepeats(const Ast& root) {
  repeats_ = Repeats(root);
  shared_.resize(static_cast<size_t>(repeats_.count()));
}

NodePtr Binder::BindCall(const Ast& ast) {
  const int repeat = repeats_.Find(ast);
  if (repeat < 0) return BindAnew(ast);
  NodePtr& shared = shared_[static_cast<size_t>(repeat)];
  if (shared) return shared;
  NodePtr node = BindAnew(ast);
  if (!node) return nullptr;
  // A value that is known, or lies in a column, needs no place to be kept.
  if (!node->constant() && node->ColumnIndex() < 0) node = std::make_shared<MemoNode>(NextSlot(), std::move(node));
  shared = node;
  return node;
}

NodePtr Binder::BindAnew(const Ast& ast) {
  const FunctionTable& table = Functions();
  auto found = table.find(ast.name);
  if (found == table.end()) {
    static const std::set<std::string, std::less<>> kAggregates = {"count", "sum", "avg", "min",
                                                                   "max"};
    static const std::set<std::string, std::less<>> kClocks = {"now",
                                                               "current_timestamp",
                                                               "localtimestamp",
                                                               "current_date",
                                                               "unix_timestamp",
                                                               "proctime",
                                                               "rand",
                                                               "random",
                                                               "uuid"};
    if (kAggregates.count(ast.name) != 0) {
      return Fail(
          ast, absl::StrCat(ast.name,
                            " is an aggregate; it belongs into `aggregate` of a window_aggregate",
                            ast.name == "min"   ? " (least(a, b) compares values of one row)"
                            : ast.name == "max" ? " (greatest(a, b) compares values of one row)"
                                                : ""));
    }
    if (kClocks.count(ast.name) != 0) {
      return Fail(ast, absl::StrCat(ast.name,
                                    "() is not supported: a result must not depend on when or how "
                                    "often a row is processed"));
    }
    std::vector<std::string> names;
    for (const auto& [name, function] : table) {
      if (!function.usage.empty() && (!function.generator || options_.generator))
        names.push_back(name);
    }
    return Fail(ast,
                absl::StrCat("unknown function `", ast.name, "`", DidYouMean(ast.name, names)));
  }
  const Function& function = found->second;
  if (function.generator && !options_.generator) {
    return Fail(ast,
                absl::StrCat(ast.name, " may be used only in the fields of a generator source"));
  }
  int count = static_cast<int>(ast.args.size());
  if (count < function.min_args || (function.max_args >= 0 && count > function.max_args)) {
    std::string usage(function.usage);
    return Fail(ast, absl::StrCat(ast.name, " does not take ", count,
                                  count == 1 ? " argument" : " arguments",
                                  usage.empty() ? "" : "; it is called as " + usage));
  }
  BoundCall call{*this, ast, {}};
  for (const AstPtr& arg : ast.args) {
    if (arg->kind == AstKind::kInterval && (ast.name == "+" || ast.name == "-")) {
      call.args.push_back(nullptr);  // the operator reads it from the syntax tree
      continue;
    }
    NodePtr node = Bind(*arg);
    if (!node) return nullptr;
    call.args.push_back(std::move(node));
  }
  NodePtr node = function.bind(call);
  return node ? Fold(std::move(node)) : nullptr;
}

bool BoundCall::Untyped(size_t i) const { return kind(i) == kUntyped; }

bool BoundCall::Want(size_t i, const DataType& wanted) {
  if (kind(i) == wanted.kind &&
      (wanted.kind != TypeKind::kDecimal || batch::SameType(type(i), wanted)))
    return true;
  auto common = CommonType(type(i), wanted);
  if (common && batch::SameType(*common, wanted)) {
    args[i] = Fold(Widen(args[i], wanted, binder.Snippet(*ast.args[i])));
    return true;
  }
  std::string what = binder.Snippet(*ast.args[i]);
  std::string hint;
  bool string_involved = wanted.kind == TypeKind::kString || kind(i) == TypeKind::kString;
  if (string_involved && what.size() <= 40) {
    hint = absl::StrCat("; convert it: CAST(", what, " AS ", TypeName(wanted), ")");
  }
  FailAt(i, absl::StrCat("`", what.substr(0, 60), "` is ", TypeName(type(i)), ", where ", ast.name,
                         " needs ", TypeName(wanted), hint));
  return false;
}

bool BoundCall::WantKind(size_t i, TypeKind wanted) {
  return Want(i, DataType{wanted, true, 0, 0});
}

bool BoundCall::WantAll(TypeKind wanted) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (!WantKind(i, wanted)) return false;
  }
  return true;
}

bool BoundCall::WantNumber(size_t i) {
  if (Untyped(i)) return WantKind(i, TypeKind::kInt);
  if (IsNumeric(kind(i))) return true;
  std::string what = binder.Snippet(*ast.args[i]);
  FailAt(i, absl::StrCat("`", what.substr(0, 60), "` is ", TypeName(type(i)), ", where ", ast.name,
                         " needs a number",
                         kind(i) == TypeKind::kString && what.size() <= 40
                             ? absl::StrCat("; convert it: CAST(", what, " AS double)")
                             : ""));
  return false;
}

bool BoundCall::WantTime(size_t i) {
  if (kind(i) == TypeKind::kDate) return true;
  return WantKind(i, TypeKind::kTimestamp);
}

bool BoundCall::WantCommon(size_t from) {
  DataType common = type(from);
  for (size_t i = from + 1; i < args.size(); ++i) {
    auto next = CommonType(common, type(i));
    if (!next) {
      bool has_string = common.kind == TypeKind::kString || kind(i) == TypeKind::kString;
      bool has_time = common.kind == TypeKind::kTimestamp || kind(i) == TypeKind::kTimestamp;
      std::string operation = ast.name == "in" || ast.name == "case" || ast.name == "case of"
                                  ? "the values of " + ast.name
                              : ast.name == "between" ? "BETWEEN"
                                                      : absl::StrCat("`", ast.name, "`");
      FailAt(
          i,
          absl::StrCat(
              operation, " cannot put ", TypeName(common), " and ", TypeName(type(i)), " together",
              has_string && has_time ? "; a timestamp is written TIMESTAMP '2026-01-31 10:00:00'"
              : has_string
                  ? "; nothing is converted to or from string by itself, write CAST(… AS …)"
                  : ""));
      return false;
    }
    common = *next;
  }
  if (common.kind == kUntyped) common = DataType{TypeKind::kBoolean, true, 0, 0};
  for (size_t i = from; i < args.size(); ++i) {
    if (!Want(i, common)) return false;
  }
  return true;
}

const Column* BoundCall::WantConstant(size_t i, std::string_view what) {
  const Column* value = args[i]->Value();
  if (value == nullptr || value->IsNull(0)) {
    FailAt(i, absl::StrCat(std::string(what), " of ", ast.name,
                           value == nullptr ? " must be a constant" : " must not be NULL"));
    return nullptr;
  }
  return value;
}

bool BoundCall::AnyNullable() const {
  return std::any_of(args.begin(), args.end(),
                     [](const NodePtr& arg) { return arg->type().nullable; });
}

NodePtr BoundCall::Make(DataType type, Kernel kernel, unsigned flags) {
  return MakeOf(args, type, std::move(kernel), flags);
}

NodePtr BoundCall::MakeOf(std::vector<NodePtr> nodes, DataType type, Kernel kernel,
                          unsigned flags) {
  type.nullable = (flags & kMayNull) != 0;
  if ((flags & kTakesNull) == 0) {
    for (const NodePtr& node : nodes) type.nullable = type.nullable || node->type().nullable;
  }
  return std::make_shared<CallNode>(type, std::move(nodes), std::move(kernel), flags,
                                    binder.Snippet(ast));
}

}  // namespace weir::expression
