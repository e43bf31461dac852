#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/expression/ast.h"
#include "common/expression/kernel.h"
#include "common/expression/node.h"
#include "common/expression/repeats.h"

namespace weir::expression {

/// Turns a syntax tree into typed nodes.
/// Thread: confined; one expression each. Errors: Bind returns null after `problem()` was set.
class Binder {
 public:
  Binder(const batch::Schema& schema, const BindOptions& options, std::string_view text)
      : schema_(schema), options_(options), text_(text) {}

  /// Calls that `root` (of what Bind gets) has more than once are bound once and computed once a row.
  void ShareRepeats(const Ast& root);

  NodePtr Bind(const Ast& ast);
  const std::optional<Problem>& problem() const { return problem_; }
  const std::set<int>& columns() const { return columns_; }
  const BindOptions& options() const { return options_; }
  size_t NextSlot() { return slots_++; }
  /// Numbers the random calls of the expression in the order they are written.
  uint64_t NextCallSite();
  std::nullptr_t Fail(const Ast& at, std::string message);
  std::string Snippet(const Ast& at) const;

 private:
  NodePtr BindLiteral(const Ast& ast);
  NodePtr BindColumn(const Ast& ast);
  NodePtr BindCall(const Ast& ast);
  NodePtr BindAnew(const Ast& ast);

  const batch::Schema& schema_;
  const BindOptions& options_;
  std::string_view text_;
  std::optional<Problem> problem_;
  std::set<int> columns_;
  size_t slots_ = 0;
  Repeats repeats_;
  std::vector<NodePtr> shared_;  // by number of the repeat
  uint64_t call_sites_ = 0;
};

/// A call whose arguments are bound: what the functions' own binding works on. The Want* functions
/// convert argument `i` to a wider type where SQL does so by itself, and say what is wrong
/// otherwise.
struct BoundCall {
  Binder& binder;
  const Ast& ast;
  std::vector<NodePtr> args;

  size_t size() const { return args.size(); }
  const batch::DataType& type(size_t i) const { return args[i]->type(); }
  batch::TypeKind kind(size_t i) const { return args[i]->type().kind; }
  /// Written as NULL, without a type yet.
  bool Untyped(size_t i) const;

  bool Want(size_t i, const batch::DataType& type);
  bool WantKind(size_t i, batch::TypeKind kind);
  bool WantAll(batch::TypeKind kind);
  bool WantNumber(size_t i);
  /// A timestamp or date; `kind(i)` tells which.
  bool WantTime(size_t i);
  /// All arguments from `from` on get their common type.
  bool WantCommon(size_t from = 0);
  /// The constant value of an argument that must be one (`what`: "the pattern"); null after a
  /// problem.
  const batch::Column* WantConstant(size_t i, std::string_view what);

  NodePtr Fail(std::string message) { return binder.Fail(ast, std::move(message)); }
  NodePtr FailAt(size_t i, std::string message) {
    return binder.Fail(*ast.args[i], std::move(message));
  }
  bool AnyNullable() const;
  /// The call as a node with all arguments, nullable when one of them is (or with kMayNull).
  NodePtr Make(batch::DataType type, Kernel kernel, unsigned flags = kPure);
  NodePtr Make(batch::TypeKind kind, Kernel kernel, unsigned flags = kPure) {
    return Make(batch::DataType{kind, true, 0, 0}, std::move(kernel), flags);
  }
  /// Any node made of `nodes` with this call's text for messages.
  NodePtr MakeOf(std::vector<NodePtr> nodes, batch::DataType type, Kernel kernel,
                 unsigned flags = kPure);
};

/// The type of a literal NULL before something gives it one.
inline constexpr batch::TypeKind kUntyped = static_cast<batch::TypeKind>(0);

bool IsInteger(batch::TypeKind kind);
bool IsNumeric(batch::TypeKind kind);
batch::DataType DecimalType(int precision, int scale);
/// Integers as the decimal that holds them all: int (10,0), bigint (19,0); a decimal itself.
batch::DataType AsDecimal(const batch::DataType& type);
/// The narrowest type both widen to (int, bigint, decimal, double; date, timestamp), nullable when
/// one is; nothing when they have none.
std::optional<batch::DataType> CommonType(const batch::DataType& a, const batch::DataType& b);
/// The type's name for messages: `decimal(12,2)`, `NULL`.
std::string TypeName(const batch::DataType& type);

/// `node` as `type`, which it widens to (same kind: only the decimal's parameters change). `where`
/// for messages.
NodePtr Widen(NodePtr node, const batch::DataType& type, std::string where);
/// The kernel of CAST and its flags; nothing when there is no such cast. cast.cc.
struct CastKernel {
  Kernel kernel;
  unsigned flags = kPure;
};
std::optional<CastKernel> FindCast(const batch::DataType& from, const batch::DataType& to,
                                   bool try_cast);

/// `a < b` and the like over arguments of one type; `op` is `=`, `<>`, `<`, `<=`, `>`, `>=`.
/// comparison.cc.
Kernel CompareKernel(const batch::DataType& type, std::string_view op);

}  // namespace weir::expression
