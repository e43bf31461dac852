#include "common/batch/batch.h"

namespace weir::batch {
namespace {

template <typename T>
BufferPtr GatherBuffer(const BufferPtr& buffer, const uint32_t* indices, int64_t count) {
  if (!buffer) return nullptr;
  BufferPtr out = Buffer::Allocate(static_cast<size_t>(count) * sizeof(T));
  const T* from = reinterpret_cast<const T*>(buffer->data());
  T* to = reinterpret_cast<T*>(out->data());
  for (int64_t i = 0; i < count; ++i) to[i] = from[indices[i]];
  return out;
}

template <typename T>
BufferPtr SliceBuffer(const BufferPtr& buffer, int64_t from, int64_t count) {
  if (!buffer) return nullptr;
  return Buffer::Copy({buffer->data() + from * sizeof(T), static_cast<size_t>(count) * sizeof(T)});
}

}  // namespace

Batch Batch::Gather(const uint32_t* indices, int64_t count) const {
  Batch out;
  out.schema = schema;
  out.rows = count;
  out.columns.reserve(columns.size());
  for (const Column& column : columns) out.columns.push_back(column.Gather(indices, count));
  out.event_times = GatherBuffer<int64_t>(event_times, indices, count);
  out.row_kinds = GatherBuffer<RowKind>(row_kinds, indices, count);
  return out;
}

Batch Batch::Slice(int64_t from, int64_t count) const {
  if (from == 0 && count == rows) return *this;
  Batch out;
  out.schema = schema;
  out.rows = count;
  out.columns.reserve(columns.size());
  for (const Column& column : columns) out.columns.push_back(column.Slice(from, count));
  out.event_times = SliceBuffer<int64_t>(event_times, from, count);
  out.row_kinds = SliceBuffer<RowKind>(row_kinds, from, count);
  return out;
}

}  // namespace weir::batch
