#include "common/batch/key.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "absl/status/status.h"
#include "common/base/bytes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::batch {
namespace {

double Canonical(double v) {
  if (std::isnan(v)) return std::numeric_limits<double>::quiet_NaN();
  return v == 0 ? 0.0 : v;
}

/// Writes the canonical bytes of one value; returns what follows.
char* WriteKey(const Column& column, int64_t row, char* p) {
  if (column.IsNull(row)) {
    *p++ = 0;
    return p;
  }
  *p++ = 1;
  const TypeKind kind = column.type().kind;
  if (IsVariable(kind)) {
    const std::string_view text = column.text(row);
    size_t size = text.size();
    for (; size >= 0x80; size >>= 7) *p++ = static_cast<char>(size | 0x80);
    *p++ = static_cast<char>(size);
    std::memcpy(p, text.data(), text.size());
    return p + text.size();
  }
  if (kind == TypeKind::kDouble) {
    const double v = Canonical(column.at<double>(row));
    std::memcpy(p, &v, sizeof(v));
    return p + sizeof(v);
  }
  const auto width = static_cast<size_t>(Width(kind));
  std::memcpy(p, column.data<char>() + static_cast<size_t>(column.index(row)) * width, width);
  return p + width;
}

/// At most as many bytes as the keys of the column take.
size_t KeyBytesAtMost(const Column& column, int64_t rows) {
  const TypeKind kind = column.type().kind;
  if (!IsVariable(kind)) return static_cast<size_t>(rows) * (1 + static_cast<size_t>(Width(kind)));
  const StringRef* refs = column.data<StringRef>();
  size_t total = 0;
  for (int64_t i = 0; i < rows; ++i) total += refs[column.index(i)].size + 6;
  return total;
}

template <size_t kWidth>
void CopyFixed(const Column& column, int64_t rows, size_t stride, char* to) {
  const char* values = column.data<char>();
  for (int64_t i = 0; i < rows; ++i, to += stride) {
    to[0] = 1;
    std::memcpy(to + 1, values + static_cast<size_t>(column.index(i)) * kWidth, kWidth);
  }
}

/// Keys of columns of fixed width without NULLs: column by column, all of one length.
void FixedKeys(const Batch& batch, const std::vector<int>& columns, size_t stride, KeyBatch* keys) {
  keys->bytes.resize(static_cast<size_t>(batch.rows) * stride);
  char* to = keys->bytes.data();
  for (const int c : columns) {
    const Column& column = batch.columns[c];
    switch (Width(column.type().kind)) {
      case 1: CopyFixed<1>(column, batch.rows, stride, to); break;
      case 4: CopyFixed<4>(column, batch.rows, stride, to); break;
      case 8: CopyFixed<8>(column, batch.rows, stride, to); break;
      default: CopyFixed<16>(column, batch.rows, stride, to); break;
    }
    if (column.type().kind == TypeKind::kDouble) {
      for (int64_t i = 0; i < batch.rows; ++i) {
        const double v = Canonical(column.at<double>(i));
        std::memcpy(to + static_cast<size_t>(i) * stride + 1, &v, sizeof(v));
      }
    }
    to += 1 + Width(column.type().kind);
  }
  const char* key = keys->bytes.data();
  for (int64_t i = 0; i < batch.rows; ++i, key += stride) {
    keys->offsets[i + 1] = static_cast<uint32_t>((i + 1) * static_cast<int64_t>(stride));
    // The usual key's length is known to the compiler.
    keys->hashes[i] = stride == 9 ? XXH3_64bits(key, 9) : XXH3_64bits(key, stride);
  }
}

/// The usual key, one string column without NULLs, without a call per row.
void StringKeys(const Column& column, int64_t rows, KeyBatch* keys) {
  const StringRef* refs = column.data<StringRef>();
  size_t total = 0;
  for (int64_t i = 0; i < rows; ++i) total += refs[column.index(i)].size + 6;
  keys->bytes.resize(total);
  char* p = keys->bytes.data();
  for (int64_t i = 0; i < rows; ++i) {
    const StringRef& ref = refs[column.index(i)];
    char* const start = p;
    *p++ = 1;
    uint32_t size = ref.size;
    for (; size >= 0x80; size >>= 7) *p++ = static_cast<char>(size | 0x80);
    *p++ = static_cast<char>(size);
    std::memcpy(p, ref.data(), ref.size);
    p += ref.size;
    keys->offsets[i + 1] = static_cast<uint32_t>(p - keys->bytes.data());
    keys->hashes[i] = XXH3_64bits(start, static_cast<size_t>(p - start));
  }
  keys->bytes.resize(static_cast<size_t>(p - keys->bytes.data()));
}

}  // namespace

uint64_t HashKey(std::string_view canonical) { return XXH3_64bits(canonical.data(), canonical.size()); }

void MakeKeys(const Batch& batch, const std::vector<int>& columns, KeyBatch* keys) {
  const auto rows = static_cast<size_t>(batch.rows);
  keys->offsets.resize(rows + 1);
  keys->offsets[0] = 0;
  keys->hashes.resize(rows);
  if (columns.size() == 1) {
    const Column& column = batch.columns[columns[0]];
    if (IsVariable(column.type().kind) && column.validity() == nullptr) return StringKeys(column, batch.rows, keys);
  }
  size_t at_most = 0;
  bool fixed = !columns.empty();
  for (const int c : columns) {
    const Column& column = batch.columns[c];
    at_most += KeyBytesAtMost(column, batch.rows);
    fixed &= !IsVariable(column.type().kind) && column.validity() == nullptr;
  }
  if (fixed && rows > 0) return FixedKeys(batch, columns, at_most / rows, keys);
  keys->bytes.resize(at_most);
  char* p = keys->bytes.data();
  for (size_t i = 0; i < rows; ++i) {
    const char* const start = p;
    for (const int c : columns) p = WriteKey(batch.columns[c], static_cast<int64_t>(i), p);
    keys->offsets[i + 1] = static_cast<uint32_t>(p - keys->bytes.data());
    keys->hashes[i] = XXH3_64bits(start, static_cast<size_t>(p - start));
  }
  keys->bytes.resize(static_cast<size_t>(p - keys->bytes.data()));
}

namespace {

template <size_t kWidth>
void ReadFixed(const std::vector<std::string_view>& keys, size_t offset, char* to) {
  for (size_t row = 0; row < keys.size(); ++row) std::memcpy(to + row * kWidth, keys[row].data() + offset + 1, kWidth);
}

/// Keys of fixed width without NULLs. False: they are not of this kind, and `columns` are as before.
bool DecodeFixed(const std::vector<DataType>& types, const std::vector<std::string_view>& keys,
                 std::vector<Column>* columns) {
  size_t stride = 0;
  for (const DataType& type : types) {
    if (IsVariable(type.kind)) return false;
    stride += 1 + static_cast<size_t>(Width(type.kind));
  }
  for (const std::string_view key : keys) {
    if (key.size() != stride) return false;
    size_t offset = 0;
    for (const DataType& type : types) {
      if (key[offset] == 0) return false;
      offset += 1 + static_cast<size_t>(Width(type.kind));
    }
  }
  size_t offset = 0;
  for (size_t c = 0; c < types.size(); ++c) {
    char* to = (*columns)[c].mutable_data<char>();
    switch (Width(types[c].kind)) {
      case 1: ReadFixed<1>(keys, offset, to); break;
      case 4: ReadFixed<4>(keys, offset, to); break;
      case 8: ReadFixed<8>(keys, offset, to); break;
      default: ReadFixed<16>(keys, offset, to); break;
    }
    offset += 1 + static_cast<size_t>(Width(types[c].kind));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::vector<Column>> DecodeKeys(const std::vector<DataType>& types,
                                               const std::vector<std::string_view>& keys) {
  const auto rows = static_cast<int64_t>(keys.size());
  std::vector<Column> columns;
  std::vector<StringArena> arenas(types.size());
  for (const DataType& type : types) columns.push_back(Column::Allocate(type, rows));
  if (DecodeFixed(types, keys, &columns)) return columns;
  for (int64_t row = 0; row < rows; ++row) {
    ByteReader reader(keys[row]);
    for (size_t c = 0; c < types.size(); ++c) {
      const int width = Width(types[c].kind);
      char* to = columns[c].mutable_data<char>() + row * width;
      if (reader.Get<uint8_t>() == 0) {
        std::memset(to, 0, static_cast<size_t>(width));
        columns[c].EnsureValidity()[row] = 0;
      } else if (IsVariable(types[c].kind)) {
        const std::string_view text = reader.GetBytes();
        const StringRef ref(text.size() <= StringRef::kInline ? text : arenas[c].Copy(text));
        std::memcpy(to, &ref, sizeof(ref));
      } else {
        const std::string_view raw = reader.GetRaw(static_cast<uint64_t>(width));
        if (reader.ok()) std::memcpy(to, raw.data(), raw.size());
      }
    }
    if (!reader.AtEnd()) return absl::DataLossError("state holds a key that is not one of this job's key columns");
  }
  for (size_t c = 0; c < types.size(); ++c) columns[c].AddHeaps(arenas[c].buffers());
  return columns;
}

}  // namespace weir::batch
