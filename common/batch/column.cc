#include "common/batch/column.h"

#include <cstring>

namespace weir::batch {
namespace {

template <typename T>
void GatherValues(const char* from, const uint32_t* rows, int64_t count, char* to) {
  const T* source = reinterpret_cast<const T*>(from);
  T* target = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < count; ++i) target[i] = source[rows[i]];
}

}  // namespace

Column Column::Null(DataType type, int64_t size) {
  auto values = Buffer::Allocate(16);
  std::memset(values->data(), 0, 16);
  auto validity = Buffer::Allocate(1);
  validity->data()[0] = 0;
  return Column(type, size, std::move(values), std::move(validity), {}, true);
}

uint8_t* Column::EnsureValidity() {
  if (!validity_) {
    const int64_t n = constant_ ? 1 : size_;
    validity_ = Buffer::Allocate(static_cast<size_t>(n));
    std::memset(validity_->data(), 1, static_cast<size_t>(n));
  }
  return reinterpret_cast<uint8_t*>(validity_->data());
}

Column Column::Gather(const uint32_t* rows, int64_t count) const {
  if (constant_) return Column(type_, count, values_, validity_, heaps_, true);
  const int width = Width(type_.kind);
  BufferPtr values = Buffer::Allocate(static_cast<size_t>(count) * width);
  switch (width) {
    case 1: GatherValues<uint8_t>(values_->data(), rows, count, values->data()); break;
    case 4: GatherValues<uint32_t>(values_->data(), rows, count, values->data()); break;
    case 8: GatherValues<uint64_t>(values_->data(), rows, count, values->data()); break;
    default: GatherValues<StringRef>(values_->data(), rows, count, values->data()); break;
  }
  BufferPtr validity;
  if (validity_) {
    validity = Buffer::Allocate(static_cast<size_t>(count));
    GatherValues<uint8_t>(validity_->data(), rows, count, validity->data());
  }
  return Column(type_, count, std::move(values), std::move(validity), heaps_);
}

Column Column::Slice(int64_t from, int64_t count) const {
  if (constant_ || (from == 0 && count == size_)) {
    return Column(type_, count, values_, validity_, heaps_, constant_);
  }
  const int width = Width(type_.kind);
  BufferPtr values = Buffer::Copy({values_->data() + from * width, static_cast<size_t>(count) * width});
  BufferPtr validity;
  if (validity_) validity = Buffer::Copy({validity_->data() + from, static_cast<size_t>(count)});
  return Column(type_, count, std::move(values), std::move(validity), heaps_);
}

Column Column::Flatten() const {
  if (!constant_) return *this;
  const int width = Width(type_.kind);
  BufferPtr values = Buffer::Allocate(static_cast<size_t>(size_) * width);
  for (int64_t i = 0; i < size_; ++i) std::memcpy(values->data() + i * width, values_->data(), width);
  BufferPtr validity;
  if (validity_) {
    validity = Buffer::Allocate(static_cast<size_t>(size_));
    std::memset(validity->data(), validity_->data()[0], static_cast<size_t>(size_));
  }
  return Column(type_, size_, std::move(values), std::move(validity), heaps_);
}

}  // namespace weir::batch
