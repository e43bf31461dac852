#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/batch/batch.h"
#include "common/expression/expression.h"
#include "common/expression/kernel.h"

namespace weir::expression {

/// A value kept during one evaluation.
struct Slot {
  batch::Column value;
  bool known = false;      // of a MemoNode: there is a value
  batch::BufferPtr where;  // of a MemoNode: the rows it was computed for; null: all
};

/// One evaluation of an expression over a batch.
struct Frame {
  const batch::Batch& batch;
  const EvaluationContext& context;
  int64_t rows;
  RowErrors* errors;
  std::vector<Slot>* slots;  // of LetNode and MemoNode

  Slot& slot(size_t number) const {
    if (slots->size() <= number) slots->resize(number + 1);
    return (*slots)[number];
  }
};

/// A node of a bound expression.
/// Thread: immutable; Evaluate is const and keeps nothing.
class Node {
 public:
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Values of all rows; those of rows that are not `active` (null: all are) mean nothing and are
  /// never in error. Errors are appended in any order, and a row may have several.
  virtual void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const = 0;
  /// The index when this is a column, else -1.
  virtual int ColumnIndex() const { return -1; }
  /// The one value of a folded constant, else null.
  virtual const batch::Column* Value() const { return nullptr; }

  const batch::DataType& type() const { return type_; }
  bool constant() const { return constant_; }  // the same for every row
  bool may_fail() const { return may_fail_; }
  bool wants_mask() const {
    return wants_mask_;
  }  // may fail, or is worth evaluating for few rows only

 protected:
  Node() = default;
  void TakeTraits(const Node& child) {
    constant_ = constant_ && child.constant_;
    may_fail_ = may_fail_ || child.may_fail_;
    wants_mask_ = wants_mask_ || child.wants_mask_;
  }
  batch::DataType type_;
  bool constant_ = true;
  bool may_fail_ = false;
  bool wants_mask_ = false;
};
using NodePtr = std::shared_ptr<const Node>;

class ColumnNode : public Node {
 public:
  ColumnNode(int index, batch::DataType type);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;
  int ColumnIndex() const override { return index_; }

 private:
  int index_;
};

class ConstantNode : public Node {
 public:
  /// `value`: one value, constant.
  explicit ConstantNode(batch::Column value);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;
  const batch::Column* Value() const override { return &value_; }

 private:
  batch::Column value_;
};

/// A kernel over the values of its arguments.
class CallNode : public Node {
 public:
  CallNode(batch::DataType type, std::vector<NodePtr> args, Kernel kernel, unsigned flags,
           std::string where);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;

 private:
  std::vector<NodePtr> args_;
  Kernel kernel_;
  unsigned flags_;
  std::string where_;
};

/// The same value in several places of `body`, computed once: SlotNodes of that number read it.
class LetNode : public Node {
 public:
  LetNode(size_t slot, NodePtr value, NodePtr body);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;

 private:
  size_t slot_;
  NodePtr value_;
  NodePtr body_;
};

class SlotNode : public Node {
 public:
  SlotNode(size_t slot, batch::DataType type);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;

 private:
  size_t slot_;
};

/// A value that is written in several places: computed where it is needed first, and again only for rows that were not
/// needed then.
class MemoNode : public Node {
 public:
  MemoNode(size_t slot, NodePtr value);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;

 private:
  size_t slot_;
  NodePtr value_;
};

/// AND or OR of two or more booleans. An operand is evaluated only where those before it have not
/// decided.
class AndOrNode : public Node {
 public:
  AndOrNode(bool is_and, std::vector<NodePtr> args);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;

 private:
  bool is_and_;
  std::vector<NodePtr> args_;
};

/// The value behind the first condition that is TRUE, else `otherwise`. All values have one type.
class CaseNode : public Node {
 public:
  CaseNode(batch::DataType type, std::vector<NodePtr> conditions, std::vector<NodePtr> values,
           NodePtr otherwise);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;

 private:
  std::vector<NodePtr> conditions_;
  std::vector<NodePtr> values_;
  NodePtr otherwise_;
};

/// The first value that is not NULL.
class CoalesceNode : public Node {
 public:
  CoalesceNode(batch::DataType type, std::vector<NodePtr> args);
  void Evaluate(const Frame& frame, const uint8_t* active, batch::Column* out) const override;

 private:
  std::vector<NodePtr> args_;
};

/// Builds a column out of rows of others, equal in type.
/// Thread: confined.
class ColumnMerger {
 public:
  ColumnMerger(batch::DataType type, int64_t rows);
  /// Takes the rows i with mask[i] != 0.
  void Take(const batch::Column& from, const uint8_t* mask);
  batch::Column Finish() { return std::move(out_); }

 private:
  batch::Column out_;
  int64_t rows_;
};

/// `node` as a ConstantNode when its value is known now and is no error, else `node`.
NodePtr Fold(NodePtr node);

}  // namespace weir::expression
