#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/batch/batch.h"

namespace weir::taskmanager {

/// Some columns of a row as bytes that lie together, and back: how a join keeps rows until their partners come.
///
/// Thread:  confined: Bind holds on to one batch.
/// Shape:   a bit a column (1 = NULL), then every value at its width, of a string its length in 4 bytes; the strings'
///          bytes behind. Little-endian. Not self-describing: who reads must know the columns.
class RowCodec {
 public:
  RowCodec() = default;
  /// `columns`: of `schema`, in the order in which they are stored.
  RowCodec(const batch::Schema& schema, std::vector<int> columns);

  const std::vector<int>& columns() const { return columns_; }
  /// What a row has at least.
  size_t fixed_size() const { return fixed_; }

  /// The batch whose rows are written next; it must outlive the writing. `sizes()` is filled.
  void Bind(const batch::Batch& batch);
  /// Bytes of row `row` of the bound batch.
  size_t size(int64_t row) const { return strings_ == 0 ? fixed_ : sizes_[static_cast<size_t>(row)]; }
  /// Writes `size(row)` bytes.
  void Write(int64_t row, char* to) const;

  /// Whether `size` bytes at `row` are a row: nothing is read outside of them afterwards.
  bool Check(const char* row, size_t size) const;
  /// Value `c` (index into columns()) of every row to `values`, with its validity (1 = valid). A null pointer is a row
  /// of NULLs. Strings of more than 12 bytes are copied into `arena`. Returns whether any is NULL.
  bool Read(size_t c, const char* const* rows, int64_t count, char* values, uint8_t* validity,
            batch::StringArena* arena) const;

 private:
  struct Stored {
    int width = 0;         // of a value in a column
    bool variable = false;
    size_t offset = 0;     // of the value, or of the string's length
    std::vector<size_t> before;  // strings: offsets of the lengths of the strings before it
    // Of the bound batch.
    const char* values = nullptr;
    int64_t step = 0;      // 0: constant
    const uint8_t* validity = nullptr;
  };

  std::vector<int> columns_;
  std::vector<Stored> stored_;
  size_t fixed_ = 0;
  size_t strings_ = 0;
  std::vector<uint32_t> sizes_;
};

}  // namespace weir::taskmanager
