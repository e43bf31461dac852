// AND, OR, NOT, IS …, CASE, IF, COALESCE, NULLIF.
#include <cstring>

#include "common/expression/functions.h"

namespace weir::expression {

using batch::DataType;
using batch::TypeKind;

namespace {

NodePtr BindAndOr(BoundCall& call) {
  if (!call.WantAll(TypeKind::kBoolean)) return nullptr;
  return std::make_shared<AndOrNode>(call.ast.name == "and", call.args);
}

NodePtr BindNot(BoundCall& call) {
  if (!call.WantAll(TypeKind::kBoolean)) return nullptr;
  return call.Make(TypeKind::kBoolean, [](KernelCall& c) {
    Map1<uint8_t, uint8_t>(c, [](uint8_t a) { return static_cast<uint8_t>(a ^ 1); });
  });
}

NodePtr BindIsNull(BoundCall& call) {
  if (call.Untyped(0) && !call.WantKind(0, TypeKind::kBoolean)) return nullptr;
  return call.Make(
      TypeKind::kBoolean,
      [](KernelCall& c) {
        uint8_t* out = c.out->mutable_data<uint8_t>();
        const uint8_t* validity = c.args[0].validity();
        if (validity == nullptr) {
          std::memset(out, 0, static_cast<size_t>(c.rows));
        } else {
          for (int64_t i = 0; i < c.rows; ++i) out[i] = validity[i] ^ 1;
        }
      },
      kTakesNull);
}

NodePtr BindIsTruth(BoundCall& call) {
  if (!call.WantAll(TypeKind::kBoolean)) return nullptr;
  uint8_t wanted = call.ast.name == "is true" ? 1 : 0;
  return call.Make(
      TypeKind::kBoolean,
      [wanted](KernelCall& c) {
        uint8_t* out = c.out->mutable_data<uint8_t>();
        for (int64_t i = 0; i < c.rows; ++i)
          out[i] = !c.args[0].IsNull(i) && c.args[0].at<uint8_t>(i) == wanted;
      },
      kTakesNull);
}

// Gives the values at `places` of the call one type.
bool MakeCommon(BoundCall& call, const std::vector<size_t>& places) {
  Ast list;
  list.kind = AstKind::kCall;
  list.name = call.ast.name;
  list.offset = call.ast.offset;
  list.length = call.ast.length;
  BoundCall values{call.binder, list, {}};
  for (size_t place : places) {
    list.args.push_back(call.ast.args[place]);
    values.args.push_back(call.args[place]);
  }
  if (!values.WantCommon()) return false;
  for (size_t i = 0; i < places.size(); ++i) call.args[places[i]] = values.args[i];
  return true;
}

NodePtr MakeCase(std::vector<NodePtr> conditions, std::vector<NodePtr> values, NodePtr otherwise) {
  // Branches that are known now fall away.
  std::vector<NodePtr> kept_conditions, kept_values;
  DataType type = otherwise->type();
  for (size_t i = 0; i < conditions.size(); ++i) {
    const batch::Column* known = conditions[i]->Value();
    if (known != nullptr && (known->IsNull(0) || known->at<uint8_t>(0) == 0)) continue;
    if (known != nullptr) {
      otherwise = values[i];
      break;
    }
    kept_conditions.push_back(conditions[i]);
    kept_values.push_back(values[i]);
  }
  if (kept_conditions.empty()) return otherwise;
  type.nullable = otherwise->type().nullable;
  for (const NodePtr& value : kept_values) type.nullable = type.nullable || value->type().nullable;
  return std::make_shared<CaseNode>(type, std::move(kept_conditions), std::move(kept_values),
                                    std::move(otherwise));
}

// Reads `value` in several places; `*let` is set when it has to be computed into a slot first.
NodePtr Shared(BoundCall& call, NodePtr value, size_t* slot, bool* let) {
  *let = value->Value() == nullptr && value->ColumnIndex() < 0;
  if (!*let) return value;
  *slot = call.binder.NextSlot();
  return std::make_shared<SlotNode>(*slot, value->type());
}

NodePtr BindCase(BoundCall& call) {
  bool simple = call.ast.name == "case of";
  size_t first = simple ? 1 : 0;
  std::vector<size_t> condition_places, value_places;
  if (simple) condition_places.push_back(0);
  for (size_t i = first; i + 1 < call.size(); i += 2) {
    condition_places.push_back(i);
    value_places.push_back(i + 1);
  }
  value_places.push_back(call.size() - 1);
  if (!MakeCommon(call, value_places)) return nullptr;
  size_t slot = 0;
  bool let = false;
  NodePtr operand;
  if (simple) {
    if (!MakeCommon(call, condition_places)) return nullptr;
    operand = Shared(call, call.args[0], &slot, &let);
  }
  std::vector<NodePtr> conditions, values;
  for (size_t i = first; i + 1 < call.size(); i += 2) {
    if (simple) {
      conditions.push_back(Fold(call.MakeOf({operand, call.args[i]}, DataType{TypeKind::kBoolean},
                                            CompareKernel(call.type(0), "="))));
    } else {
      if (!call.WantKind(i, TypeKind::kBoolean)) return nullptr;
      conditions.push_back(call.args[i]);
    }
    values.push_back(call.args[i + 1]);
  }
  NodePtr node = MakeCase(std::move(conditions), std::move(values), call.args.back());
  return let ? std::make_shared<LetNode>(slot, call.args[0], std::move(node)) : node;
}

NodePtr BindIf(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kBoolean) || !MakeCommon(call, {1, 2})) return nullptr;
  return MakeCase({call.args[0]}, {call.args[1]}, call.args[2]);
}

NodePtr BindNullIf(BoundCall& call) {
  DataType own = call.type(0);
  NodePtr first = call.args[0];
  if (own.kind == kUntyped) return call.FailAt(0, "nullif needs a typed first argument");
  size_t slot = 0;
  bool let = false;
  NodePtr read = Shared(call, first, &slot, &let);
  call.args[0] = read;
  if (!call.WantCommon()) return nullptr;
  NodePtr equal =
      Fold(call.MakeOf(call.args, DataType{TypeKind::kBoolean}, CompareKernel(call.type(0), "=")));
  DataType nullable = own;
  nullable.nullable = true;
  NodePtr null = std::make_shared<ConstantNode>(batch::Column::Null(nullable, 1));
  NodePtr node = MakeCase({equal}, {null}, read);
  return let ? std::make_shared<LetNode>(slot, first, std::move(node)) : node;
}

NodePtr BindCoalesce(BoundCall& call) {
  if (!call.WantCommon()) return nullptr;
  DataType type = call.type(0);
  std::vector<NodePtr> args;
  for (const NodePtr& arg : call.args) {
    if (arg->Value() != nullptr && arg->Value()->IsNull(0)) continue;
    args.push_back(arg);
    if (!arg->type().nullable) break;  // nothing behind it is ever needed
  }
  if (args.empty()) return call.args[0];
  if (args.size() == 1) return args[0];
  type.nullable = args.back()->type().nullable;
  return std::make_shared<CoalesceNode>(type, std::move(args));
}

}  // namespace

void AddConditionals(FunctionTable* table) {
  (*table)["and"] = {2, -1, BindAndOr, ""};
  (*table)["or"] = {2, -1, BindAndOr, ""};
  (*table)["not"] = {1, 1, BindNot, ""};
  (*table)["is null"] = {1, 1, BindIsNull, ""};
  (*table)["is true"] = {1, 1, BindIsTruth, ""};
  (*table)["is false"] = {1, 1, BindIsTruth, ""};
  (*table)["case"] = {3, -1, BindCase, ""};
  (*table)["case of"] = {4, -1, BindCase, ""};
  (*table)["if"] = {3, 3, BindIf, "if(condition, then, else)"};
  (*table)["coalesce"] = {1, -1, BindCoalesce, "coalesce(a, b, …)"};
  (*table)["ifnull"] = {2, 2, BindCoalesce, "ifnull(a, b)"};
  (*table)["nullif"] = {2, 2, BindNullIf, "nullif(a, b)"};
}

}  // namespace weir::expression
