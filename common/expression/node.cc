#include "common/expression/node.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::expression {

using batch::Buffer;
using batch::BufferPtr;
using batch::Column;
using batch::DataType;

void KernelCall::Fail(int64_t i, std::string_view message) {
  constexpr size_t kLongest = 80;
  std::string text(message);
  absl::StrAppend(&text, " in `",
                  where.size() <= kLongest ? where : where.substr(0, kLongest) + "…", "`");
  errors->push_back({static_cast<uint32_t>(i), std::move(text)});
  SetNull(i);
}

void KernelCall::SetCopy(int64_t i, std::string_view text) {
  SetView(i, text.size() <= batch::StringRef::kInline ? text : arena->Copy(text));
}

ColumnNode::ColumnNode(int index, DataType type) : index_(index) {
  type_ = type;
  constant_ = false;
}

void ColumnNode::Evaluate(const Frame& frame, const uint8_t*, Column* out) const {
  *out = frame.batch.columns[static_cast<size_t>(index_)];
}

ConstantNode::ConstantNode(Column value) : value_(std::move(value)) { type_ = value_.type(); }

void ConstantNode::Evaluate(const Frame& frame, const uint8_t*, Column* out) const {
  *out = Column(type_, frame.rows, value_.values(), value_.validity_buffer(), value_.heaps(), true);
}

CallNode::CallNode(DataType type, std::vector<NodePtr> args, Kernel kernel, unsigned flags,
                   std::string where)
    : args_(std::move(args)), kernel_(std::move(kernel)), flags_(flags), where_(std::move(where)) {
  type_ = type;
  constant_ = (flags & kVolatile) == 0;
  may_fail_ = (flags & kMayFail) != 0;
  wants_mask_ = may_fail_ || (flags & kPartial) != 0;
  for (const NodePtr& arg : args_) TakeTraits(*arg);
}

void CallNode::Evaluate(const Frame& frame, const uint8_t* active, Column* out) const {
  std::vector<Column> args(args_.size());
  bool all_constant = (flags_ & kVolatile) == 0;
  for (size_t i = 0; i < args_.size(); ++i) {
    args_[i]->Evaluate(frame, active, &args[i]);
    all_constant = all_constant && args[i].constant();
  }
  int64_t rows = all_constant ? 1 : frame.rows;

  // NULL where an argument is NULL.
  BufferPtr validity;
  if ((flags_ & kTakesNull) == 0) {
    bool owned = false;
    for (const Column& arg : args) {
      if (arg.validity() == nullptr) continue;
      if (arg.constant()) {
        if (arg.validity()[0] != 0) continue;
        *out = Column::Null(type_, frame.rows);
        return;
      }
      if (!validity) {
        validity = arg.validity_buffer();
        continue;
      }
      auto both = Buffer::Allocate(static_cast<size_t>(rows));
      const char* a = validity->data();
      const uint8_t* b = arg.validity();
      for (int64_t i = 0; i < rows; ++i)
        both->data()[i] = static_cast<char>(a[i] & static_cast<char>(b[i]));
      validity = std::move(both);
      owned = true;
    }
    // A kernel that sets NULLs must not write into the argument's bytes.
    if (validity && !owned && (flags_ & (kMayNull | kMayFail)) != 0) {
      validity = Buffer::Copy({validity->data(), static_cast<size_t>(rows)});
    }
  }

  Column result(
      type_, rows,
      Buffer::Allocate(static_cast<size_t>(rows) * static_cast<size_t>(batch::Width(type_.kind))),
      validity);
  if ((flags_ & kPartial) != 0)
    std::memset(result.mutable_data<char>(), 0, result.values()->size());
  batch::StringArena arena;
  RowErrors own;
  // Kernels read `valid` while they set rows of the result NULL; those rows are behind them, so one
  // buffer serves both.
  KernelCall call{args,
                  rows,
                  result.validity(),
                  all_constant ? nullptr : active,
                  &result,
                  &arena,
                  frame.context,
                  where_,
                  all_constant ? &own : frame.errors};
  kernel_(call);
  if (!arena.buffers().empty()) result.AddHeaps(arena.buffers());
  if (!all_constant) {
    *out = std::move(result);
    return;
  }
  if (!own.empty()) {
    for (int64_t i = 0; i < frame.rows; ++i) {
      if (active == nullptr || active[i])
        frame.errors->push_back({static_cast<uint32_t>(i), own[0].message});
    }
  }
  *out = Column(type_, frame.rows, result.values(), result.validity_buffer(), result.heaps(), true);
}

LetNode::LetNode(size_t slot, NodePtr value, NodePtr body)
    : slot_(slot), value_(std::move(value)), body_(std::move(body)) {
  type_ = body_->type();
  TakeTraits(*value_);
  TakeTraits(*body_);
}

void LetNode::Evaluate(const Frame& frame, const uint8_t* active, Column* out) const {
  Column value;
  value_->Evaluate(frame, active, &value);
  frame.slot(slot_).value = std::move(value);
  body_->Evaluate(frame, active, out);
}

SlotNode::SlotNode(size_t slot, DataType type) : slot_(slot) {
  type_ = type;
  constant_ = false;  // it has no value outside of its LetNode
}

void SlotNode::Evaluate(const Frame& frame, const uint8_t*, Column* out) const {
  *out = frame.slot(slot_).value;
}

MemoNode::MemoNode(size_t slot, NodePtr value) : slot_(slot), value_(std::move(value)) {
  type_ = value_->type();
  TakeTraits(*value_);
}

void MemoNode::Evaluate(const Frame& frame, const uint8_t* active, Column* out) const {
  if (const Slot& slot = frame.slot(slot_); slot.known) {
    bool covered = slot.where == nullptr;
    if (!covered && active != nullptr) {
      const auto* where = reinterpret_cast<const uint8_t*>(slot.where->data());
      uint8_t missing = 0;
      for (int64_t i = 0; i < frame.rows; ++i) missing |= active[i] & (where[i] ^ 1);
      covered = missing == 0;
    }
    if (covered) {
      *out = slot.value;
      return;
    }
  }
  value_->Evaluate(frame, active, out);
  Slot& slot = frame.slot(slot_);  // another one than before: the vector may have grown
  slot.known = true;
  slot.value = *out;
  // What does not look at the mask has values for all rows.
  slot.where = active == nullptr || !value_->wants_mask()
                   ? nullptr
                   : Buffer::Copy({reinterpret_cast<const char*>(active), static_cast<size_t>(frame.rows)});
}

NodePtr Fold(NodePtr node) {
  if (!node->constant() || node->Value() != nullptr) return node;
  batch::Batch one;
  one.rows = 1;
  EvaluationContext context;
  RowErrors errors;
  std::vector<Slot> slots;
  Column value;
  node->Evaluate(Frame{one, context, 1, &errors, &slots}, nullptr, &value);
  if (!errors.empty()) return node;
  Column constant(node->type(), 1, value.values(), value.validity_buffer(), value.heaps(), true);
  return std::make_shared<ConstantNode>(std::move(constant));
}

}  // namespace weir::expression
