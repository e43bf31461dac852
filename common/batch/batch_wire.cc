#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/batch/batch.h"

// Layout (little-endian): version u8, flags u8 (1 = event times, 2 = row kinds), columns u16, rows u32; then per column:
// kind u8, flags u8 (1 = constant, 2 = validity), [validity bytes], values. Fixed-width values lie as in memory. A
// variable column has all lengths (u32 each), then all bytes one after another. Then event times, row kinds.

namespace weir::batch {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kHasTimes = 1, kHasRowKinds = 2;
constexpr uint8_t kConstant = 1, kHasValidity = 2;
constexpr uint32_t kMaxRowsOnWire = 1u << 24;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("not a batch of this exchange: ", std::string(what)));
}

void EncodeColumn(const Column& column, int64_t rows, std::string* out) {
  ByteWriter writer(out);
  const int64_t n = column.constant() ? std::min<int64_t>(rows, 1) : rows;
  writer.Put<uint8_t>(static_cast<uint8_t>(column.type().kind));
  writer.Put<uint8_t>((column.constant() ? kConstant : 0) | (column.validity() ? kHasValidity : 0));
  if (column.validity() != nullptr) out->append(reinterpret_cast<const char*>(column.validity()), n);
  if (!IsVariable(column.type().kind)) {
    out->append(column.values()->data(), static_cast<size_t>(n) * Width(column.type().kind));
    return;
  }
  const StringRef* refs = column.data<StringRef>();
  const size_t lengths = out->size();
  out->resize(lengths + static_cast<size_t>(n) * 4);
  size_t total = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t size = column.validity() && column.validity()[i] == 0 ? 0 : refs[i].size;
    std::memcpy(out->data() + lengths + i * 4, &size, 4);
    total += size;
  }
  size_t at = out->size();
  out->resize(at + total);
  for (int64_t i = 0; i < n; ++i) {
    if (column.validity() && column.validity()[i] == 0) continue;
    std::memcpy(out->data() + at, refs[i].data(), refs[i].size);
    at += refs[i].size;
  }
}

absl::StatusOr<Column> DecodeColumn(const DataType& type, int64_t rows, ByteReader& reader, const BufferPtr& bytes) {
  if (reader.Get<uint8_t>() != static_cast<uint8_t>(type.kind)) return Damaged("a column has another type");
  const auto flags = reader.Get<uint8_t>();
  if ((flags & ~(kConstant | kHasValidity)) != 0) return Damaged("unknown column flags");
  const bool constant = (flags & kConstant) != 0;
  const int64_t n = constant ? std::min<int64_t>(rows, 1) : rows;
  BufferPtr validity;
  if ((flags & kHasValidity) != 0) {
    validity = Buffer::Copy(reader.GetRaw(static_cast<uint64_t>(n)));
    for (size_t i = 0; i < validity->size(); ++i) {
      if (static_cast<uint8_t>(validity->data()[i]) > 1) return Damaged("validity is neither 0 nor 1");
    }
    if (!reader.ok()) return Damaged("it is cut off");
  }
  const int width = Width(type.kind);
  if (!IsVariable(type.kind)) {
    const std::string_view raw = reader.GetRaw(static_cast<uint64_t>(n) * width);
    if (!reader.ok()) return Damaged("it is cut off");
    if (n == 0) return Column::Allocate(type, rows);
    return Column(type, rows, Buffer::Copy(raw), std::move(validity), {}, constant);
  }
  const std::string_view lengths = reader.GetRaw(static_cast<uint64_t>(n) * 4);
  if (!reader.ok()) return Damaged("it is cut off");
  BufferPtr values = Buffer::Allocate(static_cast<size_t>(std::max<int64_t>(n, 1)) * sizeof(StringRef));
  auto* refs = reinterpret_cast<StringRef*>(values->data());
  for (int64_t i = 0; i < n; ++i) {
    uint32_t size;
    std::memcpy(&size, lengths.data() + i * 4, 4);
    refs[i] = StringRef(reader.GetRaw(size));
    if (!reader.ok()) return Damaged("it is cut off");
  }
  return Column(type, rows, std::move(values), std::move(validity), {bytes}, constant && n > 0);
}

}  // namespace

void EncodeBatch(const Batch& batch, std::string* out) {
  ByteWriter writer(out);
  writer.Put<uint8_t>(kVersion);
  writer.Put<uint8_t>((batch.event_times ? kHasTimes : 0) | (batch.row_kinds ? kHasRowKinds : 0));
  writer.Put<uint16_t>(static_cast<uint16_t>(batch.columns.size()));
  writer.Put<uint32_t>(static_cast<uint32_t>(batch.rows));
  for (const Column& column : batch.columns) EncodeColumn(column, batch.rows, out);
  if (batch.event_times) out->append(batch.event_times->data(), static_cast<size_t>(batch.rows) * 8);
  if (batch.row_kinds) out->append(batch.row_kinds->data(), static_cast<size_t>(batch.rows));
}

absl::StatusOr<Batch> DecodeBatch(const SchemaPtr& schema, BufferPtr bytes) {
  ByteReader reader(bytes->view());
  if (reader.Get<uint8_t>() != kVersion) return Damaged("unknown version");
  const auto flags = reader.Get<uint8_t>();
  if (reader.Get<uint16_t>() != schema->fields.size()) return Damaged("another number of columns");
  const auto rows = reader.Get<uint32_t>();
  if (rows > kMaxRowsOnWire) return Damaged("too many rows");
  Batch out;
  out.schema = schema;
  out.rows = rows;
  for (const Field& field : schema->fields) {
    auto column = DecodeColumn(field.type, rows, reader, bytes);
    if (!column.ok()) return column.status();
    out.columns.push_back(*std::move(column));
  }
  if ((flags & kHasTimes) != 0) out.event_times = Buffer::Copy(reader.GetRaw(uint64_t{rows} * 8));
  if ((flags & kHasRowKinds) != 0) {
    out.row_kinds = Buffer::Copy(reader.GetRaw(rows));
    for (size_t i = 0; i < out.row_kinds->size(); ++i) {
      if (static_cast<uint8_t>(out.row_kinds->data()[i]) > static_cast<uint8_t>(RowKind::kDelete)) {
        return Damaged("an unknown row kind");
      }
    }
  }
  if (!reader.AtEnd()) return Damaged("its length is wrong");
  return out;
}

}  // namespace weir::batch
