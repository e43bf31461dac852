#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/expression/binder.h"

namespace weir::expression {

using batch::Column;
using batch::DataType;
using batch::TypeKind;

bool IsInteger(TypeKind kind) { return kind == TypeKind::kInt || kind == TypeKind::kBigint; }

bool IsNumeric(TypeKind kind) {
  return IsInteger(kind) || kind == TypeKind::kDecimal || kind == TypeKind::kDouble;
}

DataType DecimalType(int precision, int scale) {
  return DataType{TypeKind::kDecimal, true, static_cast<uint8_t>(precision),
                  static_cast<uint8_t>(scale)};
}

DataType AsDecimal(const DataType& type) {
  DataType out = type;
  if (type.kind == TypeKind::kInt) out = DecimalType(10, 0);
  if (type.kind == TypeKind::kBigint) out = DecimalType(19, 0);
  out.nullable = type.nullable;
  return out;
}

std::string TypeName(const DataType& type) {
  if (type.kind == kUntyped) return "NULL";
  DataType bare = type;
  bare.nullable = true;
  return batch::ToString(bare);
}

std::optional<DataType> CommonType(const DataType& a, const DataType& b) {
  bool nullable = a.nullable || b.nullable;
  DataType out = a;
  if (a.kind == kUntyped) {
    out = b;
  } else if (b.kind == kUntyped || batch::SameType(a, b)) {
    out = a;
  } else if (IsNumeric(a.kind) && IsNumeric(b.kind)) {
    if (a.kind == TypeKind::kDouble || b.kind == TypeKind::kDouble) {
      out = DataType{TypeKind::kDouble};
    } else if (a.kind == TypeKind::kDecimal || b.kind == TypeKind::kDecimal) {
      DataType x = AsDecimal(a), y = AsDecimal(b);
      int scale = std::max(x.scale, y.scale);
      int whole = std::max(x.precision - x.scale, y.precision - y.scale);
      // Too many digits: those after the point give way, as in Flink.
      out = DecimalType(std::min(38, whole + scale),
                        whole + scale > 38 ? std::max(38 - whole, std::min(scale, 6)) : scale);
    } else {
      out = DataType{TypeKind::kBigint};
    }
  } else if ((a.kind == TypeKind::kDate && b.kind == TypeKind::kTimestamp) ||
             (a.kind == TypeKind::kTimestamp && b.kind == TypeKind::kDate)) {
    out = DataType{TypeKind::kTimestamp};
  } else {
    return std::nullopt;
  }
  out.nullable = nullable;
  return out;
}

NodePtr Widen(NodePtr node, const DataType& type, std::string where) {
  if (batch::SameType(node->type(), type)) return node;
  if (node->type().kind == kUntyped) {
    DataType nullable = type;
    nullable.nullable = true;
    return std::make_shared<ConstantNode>(Column::Null(nullable, 1));
  }
  DataType target = type;
  target.nullable = node->type().nullable;
  auto cast = FindCast(node->type(), target, false);
  WEIR_CHECK(cast.has_value());
  std::vector<NodePtr> args = {std::move(node)};
  return std::make_shared<CallNode>(target, std::move(args), std::move(cast->kernel), cast->flags,
                                    std::move(where));
}

}  // namespace weir::expression
