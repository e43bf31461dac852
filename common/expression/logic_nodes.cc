#include <cstring>
#include <utility>

#include "common/expression/node.h"

namespace weir::expression {

using batch::Buffer;
using batch::Column;
using batch::DataType;
using batch::TypeKind;

namespace {

using Bytes = std::vector<uint8_t>;

// true_[i]: TRUE; known[i]: TRUE or FALSE.
void Truth(const Column& column, int64_t rows, uint8_t* is_true, uint8_t* known) {
  const uint8_t* values = column.data<uint8_t>();
  const uint8_t* validity = column.validity();
  if (column.constant()) {
    uint8_t valid = validity == nullptr ? 1 : validity[0];
    std::memset(is_true, valid & values[0], static_cast<size_t>(rows));
    std::memset(known, valid, static_cast<size_t>(rows));
  } else if (validity == nullptr) {
    std::memcpy(is_true, values, static_cast<size_t>(rows));
    std::memset(known, 1, static_cast<size_t>(rows));
  } else {
    for (int64_t i = 0; i < rows; ++i) is_true[i] = values[i] & validity[i];
    std::memcpy(known, validity, static_cast<size_t>(rows));
  }
}

Bytes Everything(const uint8_t* active, int64_t rows) {
  return active == nullptr ? Bytes(static_cast<size_t>(rows), 1) : Bytes(active, active + rows);
}

bool Any(const Bytes& mask) { return std::memchr(mask.data(), 1, mask.size()) != nullptr; }

struct Pair {
  uint64_t low, high;
};
template <typename T>
T Choose(bool take, T a, T b) { return take ? a : b; }
inline Pair Choose(bool take, Pair a, Pair b) {
  const uint64_t bits = uint64_t{0} - uint64_t{take};
  return {b.low ^ ((a.low ^ b.low) & bits), b.high ^ ((a.high ^ b.high) & bits)};
}

// Without a branch a row: which rows are taken is not predictable.
template <typename T>
void CopyRows(const Column& from, const uint8_t* mask, int64_t rows, char* to) {
  const T* in = from.data<T>();
  T* out = reinterpret_cast<T*>(to);
  if (from.constant()) {
    const T value = in[0];
    for (int64_t i = 0; i < rows; ++i) out[i] = Choose(mask[i] != 0, value, out[i]);
  } else {
    for (int64_t i = 0; i < rows; ++i) out[i] = Choose(mask[i] != 0, in[i], out[i]);
  }
}

}  // namespace

ColumnMerger::ColumnMerger(DataType type, int64_t rows)
    : out_(Column::Allocate(type, rows)), rows_(rows) {
  std::memset(out_.mutable_data<char>(), 0, out_.values()->size());
}

void ColumnMerger::Take(const Column& from, const uint8_t* mask) {
  char* out = out_.mutable_data<char>();
  switch (batch::Width(out_.type().kind)) {
    case 1:
      CopyRows<uint8_t>(from, mask, rows_, out);
      break;
    case 4:
      CopyRows<uint32_t>(from, mask, rows_, out);
      break;
    case 8:
      CopyRows<uint64_t>(from, mask, rows_, out);
      break;
    default:
      CopyRows<Pair>(from, mask, rows_, out);
      break;
  }
  if (from.validity() != nullptr) {
    uint8_t* validity = out_.EnsureValidity();
    CopyRows<uint8_t>(Column({TypeKind::kBoolean}, from.size(), from.validity_buffer(), nullptr, {}, from.constant()),
                      mask, rows_, reinterpret_cast<char*>(validity));
  }
  out_.AddHeaps(from.heaps());
}

AndOrNode::AndOrNode(bool is_and, std::vector<NodePtr> args)
    : is_and_(is_and), args_(std::move(args)) {
  type_ = {TypeKind::kBoolean, false};
  for (const NodePtr& arg : args_) {
    TakeTraits(*arg);
    type_.nullable = type_.nullable || arg->type().nullable;
  }
}

void AndOrNode::Evaluate(const Frame& frame, const uint8_t* active, Column* out) const {
  int64_t rows = frame.rows;
  auto values = Buffer::Allocate(static_cast<size_t>(rows));
  auto validity = Buffer::Allocate(static_cast<size_t>(rows));
  uint8_t* is_true = reinterpret_cast<uint8_t*>(values->data());
  uint8_t* known = reinterpret_cast<uint8_t*>(validity->data());
  Bytes next_true(static_cast<size_t>(rows)), next_known(static_cast<size_t>(rows)), open;
  for (size_t k = 0; k < args_.size(); ++k) {
    const uint8_t* mask = active;
    if (k > 0 && args_[k]->wants_mask()) {
      // Open rows: not yet FALSE (AND) or TRUE (OR).
      open = Everything(active, rows);
      for (int64_t i = 0; i < rows; ++i)
        open[i] &= is_and_ ? (is_true[i] | (known[i] ^ 1)) : (is_true[i] ^ 1);
      if (!Any(open)) continue;
      mask = open.data();
    }
    Column column;
    args_[k]->Evaluate(frame, mask, &column);
    if (k == 0) {
      Truth(column, rows, is_true, known);
      continue;
    }
    Truth(column, rows, next_true.data(), next_known.data());
    const uint8_t* t = next_true.data();
    const uint8_t* n = next_known.data();
    // A row that was decided stays so, whatever a masked operand holds there.
    for (int64_t i = 0; i < rows; ++i) {
      uint8_t known_now;
      uint8_t true_now;
      if (is_and_) {
        uint8_t false_now = (known[i] & (is_true[i] ^ 1)) | (n[i] & (t[i] ^ 1));
        known_now = false_now | (known[i] & n[i]);
        true_now = known_now & (false_now ^ 1);
      } else {
        true_now = is_true[i] | t[i];
        known_now = true_now | (known[i] & n[i]);
      }
      is_true[i] = true_now;
      known[i] = known_now;
    }
  }
  bool any_null = std::memchr(known, 0, static_cast<size_t>(rows)) != nullptr;
  *out = Column(type_, rows, std::move(values), any_null ? std::move(validity) : nullptr);
}

CaseNode::CaseNode(DataType type, std::vector<NodePtr> conditions, std::vector<NodePtr> values,
                   NodePtr otherwise)
    : conditions_(std::move(conditions)),
      values_(std::move(values)),
      otherwise_(std::move(otherwise)) {
  type_ = type;
  for (const NodePtr& node : conditions_) TakeTraits(*node);
  for (const NodePtr& node : values_) TakeTraits(*node);
  TakeTraits(*otherwise_);
}

void CaseNode::Evaluate(const Frame& frame, const uint8_t* active, Column* out) const {
  int64_t rows = frame.rows;
  Bytes rest = Everything(active, rows);
  Bytes take(static_cast<size_t>(rows)), known(static_cast<size_t>(rows));
  ColumnMerger merger(type_, rows);
  Column column;
  for (size_t k = 0; k < conditions_.size() && Any(rest); ++k) {
    conditions_[k]->Evaluate(frame, rest.data(), &column);
    Truth(column, rows, take.data(), known.data());
    for (int64_t i = 0; i < rows; ++i) {
      take[i] &= rest[i];
      rest[i] ^= take[i];
    }
    if (!Any(take)) continue;
    values_[k]->Evaluate(frame, take.data(), &column);
    merger.Take(column, take.data());
  }
  if (Any(rest)) {
    otherwise_->Evaluate(frame, rest.data(), &column);
    merger.Take(column, rest.data());
  }
  *out = merger.Finish();
}

CoalesceNode::CoalesceNode(DataType type, std::vector<NodePtr> args) : args_(std::move(args)) {
  type_ = type;
  for (const NodePtr& arg : args_) TakeTraits(*arg);
}

void CoalesceNode::Evaluate(const Frame& frame, const uint8_t* active, Column* out) const {
  int64_t rows = frame.rows;
  Column column;
  args_[0]->Evaluate(frame, active, &column);
  if (column.validity() == nullptr) {
    *out = std::move(column);
    return;
  }
  Bytes rest = Everything(active, rows);
  Bytes take(static_cast<size_t>(rows));
  ColumnMerger merger(type_, rows);
  for (size_t k = 0;;) {
    for (int64_t i = 0; i < rows; ++i) {
      take[i] = rest[i] & (column.IsNull(i) ? 0 : 1);
      rest[i] ^= take[i];
    }
    merger.Take(column, take.data());
    if (++k == args_.size() || !Any(rest)) break;
    args_[k]->Evaluate(frame, rest.data(), &column);
  }
  if (Any(rest)) merger.Take(Column::Null(type_, rows), rest.data());
  *out = merger.Finish();
}

}  // namespace weir::expression
