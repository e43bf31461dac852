#include "taskmanager/operator/rank/order_bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

namespace weir::taskmanager {
namespace {

using batch::Column;
using batch::TypeKind;

constexpr uint64_t kSign64 = uint64_t{1} << 63;

uint64_t OrderedDouble(double v) {
  if (std::isnan(v)) return ~uint64_t{0};
  if (v == 0) v = 0.0;
  const auto bits = std::bit_cast<uint64_t>(v);
  return (bits & kSign64) != 0 ? ~bits : bits | kSign64;
}

/// The value's bytes, at most eight, as a number that orders like it.
uint64_t Ordered(const Column& column, int64_t row) {
  switch (column.type().kind) {
    case TypeKind::kBoolean: return column.at<uint8_t>(row);
    case TypeKind::kInt:
    case TypeKind::kDate: return static_cast<uint32_t>(column.at<int32_t>(row)) ^ (uint32_t{1} << 31);
    case TypeKind::kBigint:
    case TypeKind::kTimestamp: return static_cast<uint64_t>(column.at<int64_t>(row)) ^ kSign64;
    case TypeKind::kDouble: return OrderedDouble(column.at<double>(row));
    default: return 0;  // wider ones are not asked for here
  }
}

bool IsWide(TypeKind kind) { return kind == TypeKind::kDecimal || batch::IsVariable(kind); }

void PutBigEndian(uint64_t value, int bytes, uint8_t invert, std::string* out) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(static_cast<uint8_t>(value >> shift) ^ invert));
  }
}

/// Zero bytes are doubled up (00 ff), and 00 00 ends the text: no text's bytes begin another's.
void PutText(std::string_view text, uint8_t invert, std::string* out) {
  auto put = [&](uint8_t byte) { out->push_back(static_cast<char>(byte ^ invert)); };
  for (const char c : text) {
    put(static_cast<uint8_t>(c));
    if (c == 0) put(0xff);
  }
  put(0);
  put(0);
}

void AppendValue(const Column& column, int64_t row, const OrderBytes::Key& key, std::string* out) {
  const uint8_t invert = key.descending ? 0xff : 0;
  const bool null = column.IsNull(row);
  const int width = batch::Width(key.type.kind);
  if (key.type.nullable) out->push_back(null ? 1 : 0);
  if (batch::IsVariable(key.type.kind)) {
    if (!null) PutText(column.text(row), invert, out);
  } else if (null) {
    out->append(static_cast<size_t>(width), '\0');
  } else if (key.type.kind == TypeKind::kDecimal) {
    const auto v = static_cast<unsigned __int128>(column.at<batch::Decimal>(row));
    PutBigEndian(static_cast<uint64_t>(v >> 64) ^ kSign64, 8, invert, out);
    PutBigEndian(static_cast<uint64_t>(v), 8, invert, out);
  } else {
    PutBigEndian(Ordered(column, row), width, invert, out);
  }
}

}  // namespace

uint64_t OrderBytes::PrefixOf(std::string_view bytes) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < 8; ++i) prefix = prefix << 8 | (i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0);
  return prefix;
}

void OrderBytes::Append(const std::vector<Column>& columns, int64_t row, std::string* out) const {
  for (size_t k = 0; k < keys_.size(); ++k) AppendValue(columns[k], row, keys_[k], out);
}

void OrderBytes::Prefixes(const std::vector<Column>& columns, int64_t rows, std::vector<uint64_t>* prefixes) const {
  prefixes->assign(static_cast<size_t>(rows), 0);
  uint64_t* const out = prefixes->data();
  int left = 64;  // bits not yet filled, the same for all rows up to the first wide column
  for (size_t k = 0; k < keys_.size() && left > 0; ++k) {
    const Key& key = keys_[k];
    const Column& column = columns[k];
    if (key.type.nullable) {
      left -= 8;
      if (column.validity() != nullptr) {
        for (int64_t i = 0; i < rows; ++i) out[i] |= static_cast<uint64_t>(column.IsNull(i)) << left;
      }
      if (left == 0) break;
    }
    if (IsWide(key.type.kind)) {
      // What follows a text stands elsewhere in every row: its bytes end the number.
      std::string bytes;
      for (int64_t i = 0; i < rows; ++i) {
        if (column.IsNull(i)) continue;
        if (key.type.kind == TypeKind::kDecimal) {
          const auto high = static_cast<uint64_t>(static_cast<unsigned __int128>(column.at<batch::Decimal>(i)) >> 64) ^
                            kSign64;
          out[i] |= (key.descending ? ~high : high) >> (64 - left);
          continue;
        }
        bytes.clear();
        PutText(column.text(i).substr(0, 8), key.descending ? 0xff : 0, &bytes);
        out[i] |= PrefixOf(bytes) >> (64 - left);
      }
      break;
    }
    const int bits = batch::Width(key.type.kind) * 8;
    const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    const uint64_t invert = key.descending ? mask : 0;
    const int shift = left - bits;
    auto put = [&](int64_t i, uint64_t value) {
      out[i] |= shift >= 0 ? (value ^ invert) << shift : (value ^ invert) >> -shift;
    };
    if (bits == 64 && key.type.kind != TypeKind::kDouble && column.validity() == nullptr && !column.constant()) {
      const auto* values = column.data<uint64_t>();
      for (int64_t i = 0; i < rows; ++i) put(i, values[i] ^ kSign64);
    } else {
      for (int64_t i = 0; i < rows; ++i) {
        if (!column.IsNull(i)) put(i, Ordered(column, i));
      }
    }
    left -= bits;
  }
}

}  // namespace weir::taskmanager
