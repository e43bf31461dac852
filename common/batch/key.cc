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

void AppendKey(const Column& column, int64_t row, std::string* out) {
  ByteWriter writer(out);
  if (column.IsNull(row)) {
    writer.Put<uint8_t>(0);
    return;
  }
  writer.Put<uint8_t>(1);
  switch (column.type().kind) {
    case TypeKind::kBoolean: writer.Put(column.at<uint8_t>(row)); break;
    case TypeKind::kInt:
    case TypeKind::kDate: writer.Put(column.at<int32_t>(row)); break;
    case TypeKind::kBigint:
    case TypeKind::kTimestamp: writer.Put(column.at<int64_t>(row)); break;
    case TypeKind::kDouble: writer.Put(Canonical(column.at<double>(row))); break;
    case TypeKind::kDecimal: {
      const Decimal v = column.at<Decimal>(row);
      out->append(reinterpret_cast<const char*>(&v), sizeof(v));
      break;
    }
    case TypeKind::kString:
    case TypeKind::kBytes: writer.PutBytes(column.text(row)); break;
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
  keys->bytes.clear();
  for (size_t i = 0; i < rows; ++i) {
    for (const int c : columns) AppendKey(batch.columns[c], static_cast<int64_t>(i), &keys->bytes);
    keys->offsets[i + 1] = static_cast<uint32_t>(keys->bytes.size());
  }
  for (size_t i = 0; i < rows; ++i) keys->hashes[i] = HashKey(keys->key(static_cast<int64_t>(i)));
}

absl::StatusOr<std::vector<Column>> DecodeKeys(const std::vector<DataType>& types,
                                               const std::vector<std::string_view>& keys) {
  const auto rows = static_cast<int64_t>(keys.size());
  std::vector<Column> columns;
  std::vector<StringArena> arenas(types.size());
  for (const DataType& type : types) columns.push_back(Column::Allocate(type, rows));
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
