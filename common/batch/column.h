#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/batch/buffer.h"
#include "common/batch/types.h"

namespace weir::batch {

/// One column of a batch: `size` values of one type, with a byte of validity a row.
///
/// Thread:  a value; buffers are shared and not written after the column has left its maker.
/// Shape:   flat: `size` values lie in `values`; constant: one value stands for all rows. `validity` is null when no
///          value is NULL, else one byte a row (one in all for a constant): 1 = valid, 0 = NULL. The bytes of a NULL's
///          value are defined (zero unless said otherwise) but mean nothing.
/// Why:     a byte, not a bit, of validity: kernels combine it with `&` and no shifting, at a cost of 1 byte a row.
class Column {
 public:
  Column() = default;
  Column(DataType type, int64_t size, BufferPtr values, BufferPtr validity = nullptr,
         std::vector<BufferPtr> heaps = {}, bool constant = false)
      : type_(type), constant_(constant), size_(size), values_(std::move(values)),
        validity_(std::move(validity)), heaps_(std::move(heaps)) {}

  /// Room for `size` values, not zeroed; no validity.
  static Column Allocate(DataType type, int64_t size) {
    return Column(type, size, Buffer::Allocate(static_cast<size_t>(size) * Width(type.kind)));
  }
  /// One NULL for all rows.
  static Column Null(DataType type, int64_t size);
  template <typename T>
  static Column Constant(DataType type, int64_t size, const T& value, std::vector<BufferPtr> heaps = {}) {
    Column column(type, size, Buffer::Allocate(sizeof(T)), nullptr, std::move(heaps), true);
    *column.mutable_data<T>() = value;
    return column;
  }

  const DataType& type() const { return type_; }
  void set_type(DataType type) { type_ = type; }
  int64_t size() const { return size_; }
  bool constant() const { return constant_; }
  /// Where row `i` lies in `data()`.
  int64_t index(int64_t i) const { return constant_ ? 0 : i; }

  template <typename T>
  const T* data() const { return reinterpret_cast<const T*>(values_->data()); }
  template <typename T>
  T* mutable_data() { return reinterpret_cast<T*>(values_->data()); }
  template <typename T>
  const T& at(int64_t i) const { return data<T>()[index(i)]; }
  std::string_view text(int64_t i) const { return data<StringRef>()[index(i)].view(); }

  /// Null when no row is NULL.
  const uint8_t* validity() const {
    return validity_ ? reinterpret_cast<const uint8_t*>(validity_->data()) : nullptr;
  }
  bool IsNull(int64_t i) const { return validity_ && validity()[index(i)] == 0; }
  /// Makes the validity bytes if there are none (all 1).
  uint8_t* EnsureValidity();
  void set_validity(BufferPtr validity) { validity_ = std::move(validity); }
  const BufferPtr& validity_buffer() const { return validity_; }

  const BufferPtr& values() const { return values_; }
  /// What the long strings point into.
  const std::vector<BufferPtr>& heaps() const { return heaps_; }
  void AddHeap(BufferPtr heap) { heaps_.push_back(std::move(heap)); }
  void AddHeaps(const std::vector<BufferPtr>& heaps) { heaps_.insert(heaps_.end(), heaps.begin(), heaps.end()); }

  /// The rows of `rows` (each < size()), in that order. Strings are not copied.
  Column Gather(const uint32_t* rows, int64_t count) const;
  /// Rows [from, from + count) without copying values when the column is constant; else copied.
  Column Slice(int64_t from, int64_t count) const;
  /// The same values, one a row.
  Column Flatten() const;

 private:
  DataType type_;
  bool constant_ = false;
  int64_t size_ = 0;
  BufferPtr values_;
  BufferPtr validity_;
  std::vector<BufferPtr> heaps_;
};

}  // namespace weir::batch
