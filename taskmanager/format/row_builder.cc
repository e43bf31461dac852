#include "taskmanager/format/row_builder.h"

#include <utility>

namespace weir::taskmanager {

using batch::Column;

RowBuilder::RowBuilder(batch::SchemaPtr schema, const std::vector<bool>& wanted, const std::vector<bool>& required)
    : schema_(std::move(schema)), columns_(schema_->fields.size()) {
  for (size_t c = 0; c < columns_.size(); ++c) {
    Pending& pending = columns_[c];
    pending.type = schema_->fields[c].type;
    pending.wanted = wanted.empty() || (c < wanted.size() && wanted[c]);
    pending.required = !pending.type.nullable || (c < required.size() && required[c]);
    wanted_count_ += pending.wanted;
  }
}

void RowBuilder::Start(int64_t capacity) {
  capacity_ = capacity;
  row_ = 0;
  arena_ = batch::StringArena();
  for (Pending& pending : columns_) {
    if (!pending.wanted) continue;
    pending.column = Column::Allocate(pending.type, capacity);
    pending.values = pending.column.mutable_data<char>();
    pending.validity = nullptr;
    pending.long_text = false;
  }
}

bool RowBuilder::SetNull(int column) {
  Pending& pending = columns_[column];
  if (pending.required) return false;
  if (pending.validity == nullptr) pending.validity = pending.column.EnsureValidity();
  Mark(column);
  pending.validity[row_] = 0;
  const int width = batch::Width(pending.type.kind);
  std::memset(pending.values + row_ * width, 0, static_cast<size_t>(width));
  return true;
}

bool RowBuilder::FillMissing(int* missing) {
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (!columns_[c].wanted || columns_[c].serial == serial_) continue;
    if (SetNull(static_cast<int>(c))) continue;
    if (missing != nullptr) *missing = static_cast<int>(c);
    return false;
  }
  return true;
}

batch::Batch RowBuilder::Finish(const batch::BufferPtr& heap) {
  batch::Batch result;
  result.schema = schema_;
  result.rows = row_;
  result.columns.reserve(columns_.size());
  for (Pending& pending : columns_) {
    if (!pending.wanted) {
      result.columns.push_back(Column::Null(pending.type, row_));
      continue;
    }
    // The buffers have room for more rows than were found; a column need not fill its buffers.
    Column column(pending.type, row_, pending.column.values(), pending.column.validity_buffer());
    if (batch::IsVariable(pending.type.kind)) {
      if (pending.long_text && heap != nullptr) column.AddHeap(heap);
      column.AddHeaps(arena_.buffers());
    }
    result.columns.push_back(std::move(column));
    pending.column = Column();
    pending.values = nullptr;
    pending.validity = nullptr;
  }
  return result;
}

}  // namespace weir::taskmanager
