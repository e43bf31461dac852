#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/batch/batch.h"

namespace weir::taskmanager {

/// Values of `order_by` as bytes that compare like the order: memcmp of two rows' bytes decides.
///
/// Thread:  immutable after construction.
/// Shape:   per key: a byte "is NULL" if its type allows NULL (last in both directions), then the value big-endian, inverted
///          where descending; strings end by two bytes, so that no row's bytes begin another's. -0.0 is 0.0, NaN is greatest.
/// Why:     one comparison for all types, and its first eight bytes as a number settle nearly all of them.
class OrderBytes {
 public:
  struct Key {
    batch::DataType type;
    bool descending = false;
  };
  explicit OrderBytes(std::vector<Key> keys) : keys_(std::move(keys)) {}

  /// The first eight bytes of each row of `rows` rows as a number; missing ones are zero.
  void Prefixes(const std::vector<batch::Column>& columns, int64_t rows, std::vector<uint64_t>* prefixes) const;
  /// Appends the bytes of one row.
  void Append(const std::vector<batch::Column>& columns, int64_t row, std::string* out) const;
  /// The first eight bytes of what Append made.
  static uint64_t PrefixOf(std::string_view bytes);

 private:
  std::vector<Key> keys_;
};

}  // namespace weir::taskmanager
