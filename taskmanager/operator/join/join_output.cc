#include "taskmanager/operator/join/join_output.h"

#include <algorithm>
#include <utility>

namespace weir::taskmanager {

void JoinOutput::Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& fields,
                      Layout layout) {
  layout_ = std::move(layout);
  projection_.Open(context, fields);
  for (const int column : projection_.columns()) {
    const int side = column < layout_.left ? 0 : 1;
    if (column >= layout_.left + layout_.right) continue;  // the window's bounds
    columns_[static_cast<size_t>(side)].push_back(column - (side == 0 ? 0 : layout_.left));
    pending_[static_cast<size_t>(side)].push_back({layout_.joined->fields[static_cast<size_t>(column)].type});
  }
  for (const batch::Field& field : layout_.joined->fields) unread_.push_back(batch::Column::Null(field.type, 1));
}

void JoinOutput::Start() {
  constexpr size_t kRows = batch::Batch::kMaxRows;
  for (std::vector<Pending>& side : pending_) {
    for (Pending& pending : side) {
      pending.values = batch::Buffer::Allocate(kRows * static_cast<size_t>(batch::Width(pending.type.kind)));
      pending.validity = batch::Buffer::Allocate(kRows);
      pending.any_null = false;
      pending.arena = batch::StringArena();
    }
  }
  times_ = batch::Buffer::Allocate(kRows * sizeof(int64_t));
}

void JoinOutput::Append(const RowCodec& left_codec, const char* const* left, const RowCodec& right_codec,
                        const char* const* right, int64_t count, const int64_t* times, int64_t time) {
  if (count == 0) return;
  if (rows_ == 0) Start();
  for (int side = 0; side < 2; ++side) {
    const RowCodec& codec = side == 0 ? left_codec : right_codec;
    const char* const* rows = side == 0 ? left : right;
    std::vector<Pending>& columns = pending_[static_cast<size_t>(side)];
    for (size_t c = 0; c < columns.size(); ++c) {
      Pending& pending = columns[c];
      char* values = pending.values->data() + rows_ * batch::Width(pending.type.kind);
      auto* validity = reinterpret_cast<uint8_t*>(pending.validity->data()) + rows_;
      pending.any_null |= codec.Read(c, rows, count, values, validity, &pending.arena);
    }
  }
  auto* to = reinterpret_cast<int64_t*>(times_->data()) + rows_;
  if (times != nullptr) {
    std::copy_n(times, count, to);
  } else {
    std::fill_n(to, count, time);
  }
  rows_ += count;
}

absl::Status JoinOutput::Flush(Output& output) {
  if (rows_ == 0) return absl::OkStatus();
  batch::Batch joined;
  joined.schema = layout_.joined;
  joined.rows = rows_;
  joined.event_times = std::move(times_);
  joined.columns.reserve(unread_.size());
  for (const batch::Column& none : unread_) {
    joined.columns.emplace_back(none.type(), rows_, none.values(), none.validity_buffer(),
                                std::vector<batch::BufferPtr>{}, true);
  }
  for (int side = 0; side < 2; ++side) {
    for (size_t c = 0; c < columns_[static_cast<size_t>(side)].size(); ++c) {
      Pending& pending = pending_[static_cast<size_t>(side)][c];
      const int column = columns_[static_cast<size_t>(side)][c] + (side == 0 ? 0 : layout_.left);
      joined.columns[static_cast<size_t>(column)] =
          batch::Column(pending.type, rows_, std::move(pending.values),
                        pending.any_null ? std::move(pending.validity) : nullptr, pending.arena.buffers());
      pending.arena = batch::StringArena();
    }
  }
  if (layout_.window) {
    const size_t first = joined.columns.size() - 2;
    for (size_t bound = 0; bound < 2; ++bound) {
      joined.columns[first + bound] =
          batch::Column::Constant(layout_.joined->fields[first + bound].type, rows_, window_[bound]);
    }
  }
  rows_ = 0;
  return projection_.Emit(joined, output);
}

}  // namespace weir::taskmanager
