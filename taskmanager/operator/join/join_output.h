#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "taskmanager/operator/join/field_projection.h"
#include "taskmanager/operator/join/row_codec.h"

namespace weir::taskmanager {

/// Puts joined rows together from rows of RowCodec, a batch at a time, and sends them through the fields.
///
/// Thread:  the task's thread.
/// Shape:   both sides' rows are decoded when they are appended: the bytes may go away then.
class JoinOutput {
 public:
  /// Which columns of the joined schema come from where.
  struct Layout {
    batch::SchemaPtr joined;
    int left = 0;    // columns [0, left) are the left's
    int right = 0;   // then the right's
    bool window = false;  // then window_start and window_end
  };
  void Open(const OperatorContext& context, const std::vector<plan::NamedExpression>& fields, Layout layout);

  /// Columns of a side (0 left, 1 right) that its rows must have: what RowCodec has to store, ascending.
  const std::vector<int>& columns(int side) const { return columns_[static_cast<size_t>(side)]; }
  /// The codec of a side's rows.
  RowCodec codec(int side, const batch::Schema& schema) const { return RowCodec(schema, columns(side)); }

  /// The window of the rows appended next; nothing may be waiting.
  void SetWindow(int64_t start, int64_t end) { window_ = {start, end}; }
  int64_t rows() const { return rows_; }
  int64_t room() const { return batch::Batch::kMaxRows - rows_; }
  /// Appends `count` <= room() rows: `left[i]` with `right[i]`, null pointers are sides of NULLs. `times`: of each row;
  /// null: `time` for all.
  void Append(const RowCodec& left_codec, const char* const* left, const RowCodec& right_codec,
              const char* const* right, int64_t count, const int64_t* times, int64_t time);
  /// Emits what was appended, if anything.
  absl::Status Flush(Output& output);

 private:
  struct Pending {
    batch::DataType type;
    batch::BufferPtr values, validity;  // room for kMaxRows
    bool any_null = false;
    batch::StringArena arena;
  };
  void Start();

  FieldProjection projection_;
  Layout layout_;
  std::array<std::vector<int>, 2> columns_;
  std::array<std::vector<Pending>, 2> pending_;  // parallel to columns_
  std::vector<batch::Column> unread_;            // by joined column: a NULL, for messages about rows
  std::array<int64_t, 2> window_{};
  batch::BufferPtr times_;
  int64_t rows_ = 0;
};

}  // namespace weir::taskmanager
