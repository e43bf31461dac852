#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::batch {

/// SQL types of columns. The numbers are written to disk and to the wire: never change them.
enum class TypeKind : uint8_t {
  kBoolean = 1,    // uint8_t, 0 or 1
  kInt = 2,        // int32_t
  kBigint = 3,     // int64_t
  kDouble = 4,     // double
  kDecimal = 5,    // Decimal: unscaled 128-bit integer
  kString = 6,     // StringRef, UTF-8
  kBytes = 7,      // StringRef
  kTimestamp = 8,  // int64_t, microseconds since 1970-01-01 UTC
  kDate = 9,       // int32_t, days since 1970-01-01
};

/// The unscaled value of a DECIMAL(p, s): 1.50 with s = 2 is 150.
using Decimal = __int128;

/// A type with its parameters. `precision` and `scale` mean something for DECIMAL only.
struct DataType {
  TypeKind kind = TypeKind::kBigint;
  bool nullable = true;
  uint8_t precision = 0;
  uint8_t scale = 0;

  friend bool operator==(const DataType&, const DataType&) = default;
};

/// Equal but for nullability.
bool SameType(const DataType& a, const DataType& b);

/// As in a job file: `decimal(12,2) not null`.
std::string ToString(const DataType& type);

/// Reads the job file's spelling (any case): `string not null`, `decimal(12, 2)`, `timestamp`. Nothing if wrong.
std::optional<DataType> ParseDataType(std::string_view text);

/// Bytes of one value in a column's value buffer.
constexpr int Width(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean: return 1;
    case TypeKind::kInt:
    case TypeKind::kDate: return 4;
    case TypeKind::kBigint:
    case TypeKind::kDouble:
    case TypeKind::kTimestamp: return 8;
    case TypeKind::kDecimal:
    case TypeKind::kString:
    case TypeKind::kBytes: return 16;
  }
  return 0;
}
constexpr bool IsVariable(TypeKind kind) {
  return kind == TypeKind::kString || kind == TypeKind::kBytes;
}

/// A view of bytes in 16 bytes: up to 12 lie inside, longer ones have a prefix of 4 and a pointer into a buffer
/// that the column keeps alive (Neumann, Freitag: Umbra, CIDR 2020; Arrow's BinaryView with the pointer in place of
/// buffer index and offset, because batches are not shared with other processes as they lie).
struct StringRef {
  static constexpr uint32_t kInline = 12;

  uint32_t size = 0;
  char bytes[kInline] = {};  // inline text, or 4 bytes of prefix and 8 of pointer

  StringRef() = default;
  /// Does not copy more than 12 bytes: `text` must stay alive when it is longer.
  explicit StringRef(std::string_view text) : size(static_cast<uint32_t>(text.size())) {
    if (size <= kInline) {
      if (size > 0) std::memcpy(bytes, text.data(), size);
    } else {
      std::memcpy(bytes, text.data(), 4);
      const char* p = text.data();
      std::memcpy(bytes + 4, &p, sizeof(p));
    }
  }

  bool is_inline() const { return size <= kInline; }
  const char* data() const {
    if (is_inline()) return bytes;
    const char* p;
    std::memcpy(&p, bytes + 4, sizeof(p));
    return p;
  }
  /// For inline ones the view points into this object.
  std::string_view view() const { return {data(), size}; }

  friend bool operator==(const StringRef& a, const StringRef& b) {
    if (std::memcmp(&a, &b, 8) != 0) return false;  // size and prefix
    return a.is_inline() ? std::memcmp(a.bytes, b.bytes, kInline) == 0
                         : std::memcmp(a.data(), b.data(), a.size) == 0;
  }
};
static_assert(sizeof(StringRef) == 16);

struct Field {
  std::string name;
  DataType type;
  friend bool operator==(const Field&, const Field&) = default;
};

/// Names and types of a batch's columns. Immutable once shared.
struct Schema {
  std::vector<Field> fields;

  int size() const { return static_cast<int>(fields.size()); }
  /// Index of the column of that name, -1 when there is none.
  int IndexOf(std::string_view name) const;
  friend bool operator==(const Schema&, const Schema&) = default;
};
using SchemaPtr = std::shared_ptr<const Schema>;

/// `(user string not null, n bigint)`.
std::string ToString(const Schema& schema);

}  // namespace weir::batch
