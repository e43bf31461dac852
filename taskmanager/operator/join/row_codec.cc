#include "taskmanager/operator/join/row_codec.h"

#include <cstring>

namespace weir::taskmanager {
namespace {

uint32_t LengthAt(const char* row, size_t offset) {
  uint32_t length;
  std::memcpy(&length, row + offset, sizeof(length));
  return length;
}

bool IsNullAt(const char* row, size_t c) { return (static_cast<uint8_t>(row[c / 8]) >> (c % 8) & 1) != 0; }

template <int kWidth>
bool ReadFixed(size_t c, size_t offset, const char* const* rows, int64_t count, char* values, uint8_t* validity) {
  bool any_null = false;
  for (int64_t i = 0; i < count; ++i) {
    const bool null = rows[i] == nullptr || IsNullAt(rows[i], c);
    if (null) {
      std::memset(values + i * kWidth, 0, kWidth);
    } else {
      std::memcpy(values + i * kWidth, rows[i] + offset, kWidth);
    }
    validity[i] = null ? 0 : 1;
    any_null |= null;
  }
  return any_null;
}

}  // namespace

RowCodec::RowCodec(const batch::Schema& schema, std::vector<int> columns) : columns_(std::move(columns)) {
  fixed_ = (columns_.size() + 7) / 8;
  std::vector<size_t> lengths;
  for (const int column : columns_) {
    const batch::TypeKind kind = schema.fields[static_cast<size_t>(column)].type.kind;
    Stored stored;
    stored.width = batch::Width(kind);
    stored.variable = batch::IsVariable(kind);
    stored.offset = fixed_;
    stored.before = lengths;
    if (stored.variable) {
      lengths.push_back(fixed_);
      ++strings_;
    }
    fixed_ += stored.variable ? sizeof(uint32_t) : static_cast<size_t>(stored.width);
    stored_.push_back(std::move(stored));
  }
}

void RowCodec::Bind(const batch::Batch& batch) {
  if (strings_ > 0) sizes_.assign(static_cast<size_t>(batch.rows), static_cast<uint32_t>(fixed_));
  for (size_t c = 0; c < stored_.size(); ++c) {
    Stored& stored = stored_[c];
    const batch::Column& column = batch.columns[static_cast<size_t>(columns_[c])];
    stored.values = column.values()->data();
    stored.step = column.constant() ? 0 : 1;
    stored.validity = column.validity();
    if (!stored.variable) continue;
    const auto* refs = column.data<batch::StringRef>();
    for (int64_t i = 0; i < batch.rows; ++i) {
      const int64_t at = i * stored.step;
      if (stored.validity == nullptr || stored.validity[at] != 0) sizes_[static_cast<size_t>(i)] += refs[at].size;
    }
  }
}

void RowCodec::Write(int64_t row, char* to) const {
  std::memset(to, 0, (stored_.size() + 7) / 8);
  char* text = to + fixed_;
  for (size_t c = 0; c < stored_.size(); ++c) {
    const Stored& stored = stored_[c];
    const int64_t at = row * stored.step;
    const bool null = stored.validity != nullptr && stored.validity[at] == 0;
    if (null) to[c / 8] = static_cast<char>(static_cast<uint8_t>(to[c / 8]) | 1u << (c % 8));
    const char* value = stored.values + at * stored.width;
    if (stored.variable) {
      batch::StringRef ref;
      if (!null) std::memcpy(&ref, value, sizeof(ref));
      std::memcpy(to + stored.offset, &ref.size, sizeof(ref.size));
      std::memcpy(text, ref.data(), ref.size);
      text += ref.size;
      continue;
    }
    switch (stored.width) {
      case 8: std::memcpy(to + stored.offset, value, 8); break;
      case 4: std::memcpy(to + stored.offset, value, 4); break;
      case 1: to[stored.offset] = *value; break;
      default: std::memcpy(to + stored.offset, value, 16); break;
    }
  }
}

bool RowCodec::Check(const char* row, size_t size) const {
  if (size < fixed_) return false;
  size_t left = size - fixed_;
  for (const Stored& stored : stored_) {
    if (!stored.variable) continue;
    const uint32_t length = LengthAt(row, stored.offset);
    if (length > left) return false;
    left -= length;
  }
  return left == 0;
}

bool RowCodec::Read(size_t c, const char* const* rows, int64_t count, char* values, uint8_t* validity,
                    batch::StringArena* arena) const {
  const Stored& stored = stored_[c];
  if (!stored.variable) {
    switch (stored.width) {
      case 8: return ReadFixed<8>(c, stored.offset, rows, count, values, validity);
      case 4: return ReadFixed<4>(c, stored.offset, rows, count, values, validity);
      case 1: return ReadFixed<1>(c, stored.offset, rows, count, values, validity);
      default: return ReadFixed<16>(c, stored.offset, rows, count, values, validity);
    }
  }
  bool any_null = false;
  for (int64_t i = 0; i < count; ++i) {
    const char* row = rows[i];
    const bool null = row == nullptr || IsNullAt(row, c);
    std::string_view text;
    if (!null) {
      size_t from = fixed_;
      for (const size_t length : stored.before) from += LengthAt(row, length);
      text = {row + from, LengthAt(row, stored.offset)};
      if (text.size() > batch::StringRef::kInline) text = arena->Copy(text);
    }
    const batch::StringRef ref(text);
    std::memcpy(values + i * 16, &ref, sizeof(ref));
    validity[i] = null ? 0 : 1;
    any_null |= null;
  }
  return any_null;
}

}  // namespace weir::taskmanager
