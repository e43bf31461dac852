#include <cstring>

#include "common/batch/batch.h"

namespace weir::batch {

BatchBuilder::BatchBuilder(SchemaPtr schema, bool with_times)
    : schema_(std::move(schema)), with_times_(with_times), pending_(schema_->fields.size()) {}

void BatchBuilder::Append(const Batch& batch, const uint32_t* rows, int64_t count) {
  for (size_t c = 0; c < pending_.size(); ++c) {
    Pending& to = pending_[c];
    const Column& from = batch.columns[c];
    const int width = Width(from.type().kind);
    const size_t old = to.values.size();
    to.values.resize(old + static_cast<size_t>(count) * width);
    char* out = to.values.data() + old;
    const char* values = from.values()->data();
    if (IsVariable(from.type().kind)) {
      const StringRef* refs = from.data<StringRef>();
      for (int64_t i = 0; i < count; ++i) {
        StringRef ref = refs[from.index(rows[i])];
        if (!ref.is_inline()) {
          bytes_ += ref.size;
          ref = StringRef(to.arena.Copy(ref.view()));
        }
        std::memcpy(out + i * 16, &ref, 16);
      }
    } else if (width == 8) {
      const int64_t step = from.constant() ? 0 : 1;
      for (int64_t i = 0; i < count; ++i) std::memcpy(out + i * 8, values + int64_t{rows[i]} * step * 8, 8);
    } else {
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(out + i * width, values + from.index(rows[i]) * width, static_cast<size_t>(width));
      }
    }
    if (from.validity() != nullptr && to.validity.empty()) to.validity.assign(static_cast<size_t>(rows_), 1);
    if (from.validity() != nullptr) {
      for (int64_t i = 0; i < count; ++i) to.validity.push_back(from.validity()[from.index(rows[i])]);
    } else if (!to.validity.empty()) {
      to.validity.insert(to.validity.end(), static_cast<size_t>(count), 1);
    }
    bytes_ += static_cast<size_t>(count) * static_cast<size_t>(width);
  }
  if (with_times_) {
    const int64_t* times = batch.times();
    for (int64_t i = 0; i < count; ++i) times_.push_back(times ? times[rows[i]] : kMinTimestamp);
    bytes_ += static_cast<size_t>(count) * 8;
  }
  if (batch.row_kinds && kinds_.empty()) kinds_.assign(static_cast<size_t>(rows_), RowKind::kInsert);
  if (batch.row_kinds || !kinds_.empty()) {
    for (int64_t i = 0; i < count; ++i) kinds_.push_back(batch.kind(rows[i]));
    bytes_ += static_cast<size_t>(count);
  }
  rows_ += count;
}

Batch BatchBuilder::Finish() {
  Batch out;
  out.schema = schema_;
  out.rows = rows_;
  for (size_t c = 0; c < pending_.size(); ++c) {
    Pending& from = pending_[c];
    BufferPtr validity;
    if (!from.validity.empty()) {
      validity = Buffer::Copy({reinterpret_cast<const char*>(from.validity.data()), from.validity.size()});
    }
    out.columns.emplace_back(schema_->fields[c].type, rows_, Buffer::Copy(from.values), std::move(validity),
                             from.arena.buffers());
    from.values.clear();
    from.validity.clear();
    from.arena = StringArena();
  }
  if (with_times_) {
    out.event_times = Buffer::Copy({reinterpret_cast<const char*>(times_.data()), times_.size() * 8});
    times_.clear();
  }
  if (!kinds_.empty()) {
    out.row_kinds = Buffer::Copy({reinterpret_cast<const char*>(kinds_.data()), kinds_.size()});
    kinds_.clear();
  }
  rows_ = 0;
  bytes_ = 0;
  return out;
}

}  // namespace weir::batch
