#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/batch/types.h"
#include "common/expression/expression.h"

namespace weir::expression {

/// A length of time: whole months and microseconds are kept apart, because a month has no fixed
/// length.
struct Interval {
  int64_t months = 0;
  int64_t micros = 0;
};

enum class AstKind : uint8_t {
  kNull,
  kBoolean,
  kInteger,
  kDecimal,
  kDouble,
  kString,
  kTimestamp,
  kDate,
  kInterval,
  kColumn,
  kCall
};

/// A node of the syntax tree: a literal, a column or a call. Operators, CASE and CAST are calls
/// too, named by their sign or keyword in lower case (`+`, `and`, `is null`, `case`, `cast`).
/// Thread: immutable once parsed.
struct Ast {
  AstKind kind = AstKind::kNull;
  size_t offset = 0;  // of the node in the text
  size_t length = 0;
  int height = 1;  // longest way down to a leaf

  std::string name;            // column or call; the text of a string literal
  int64_t integer = 0;         // kBoolean, kInteger, kTimestamp (microseconds), kDate (days)
  double real = 0;             // kDouble
  batch::Decimal decimal = 0;  // kDecimal, of `type`
  Interval interval;           // kInterval
  batch::DataType type;        // kDecimal; the target of `cast` and `try_cast`
  std::vector<AstPtr> args;    // kCall
  /// The text the whole expression was parsed from; set on the root only.
  std::string text;
};

}  // namespace weir::expression
