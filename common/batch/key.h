#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/batch/batch.h"

namespace weir::batch {

/// The keys of a batch's rows in canonical bytes with their hashes; made once a batch, used by partitioner, local
/// aggregation and state alike.
///
/// Thread:  confined; reuse one object so that its memory is reused.
/// Shape:   `key(i)` and `hashes[i]` of row i. Canonical bytes: per column 0 for NULL, else 1 and the value: integers
///          little-endian at their width, doubles with -0.0 as 0.0 and one NaN, DECIMAL 16 bytes, strings varint length
///          and bytes. Hash: XXH3-64 of the bytes with seed 0, stable for ever (a golden test holds it).
struct KeyBatch {
  std::vector<uint32_t> offsets;  // rows + 1
  std::string bytes;
  std::vector<uint64_t> hashes;

  int64_t rows() const { return static_cast<int64_t>(hashes.size()); }
  std::string_view key(int64_t i) const {
    return {bytes.data() + offsets[i], offsets[i + 1] - offsets[i]};
  }
};

/// Fills `keys` from the columns `columns` of `batch`. No columns: every key is empty.
void MakeKeys(const Batch& batch, const std::vector<int>& columns, KeyBatch* keys);

/// Hash of canonical key bytes.
uint64_t HashKey(std::string_view canonical);

/// Appends the values of canonical key bytes to columns: the inverse of MakeKeys, for `rows` keys.
/// kDataLoss when the bytes are not keys of `types`.
absl::StatusOr<std::vector<Column>> DecodeKeys(const std::vector<DataType>& types,
                                               const std::vector<std::string_view>& keys);

/// Key group of a key hash, in [0, max_parallelism).
inline uint16_t KeyGroupOf(uint64_t hash, int max_parallelism) {
  return static_cast<uint16_t>(hash % static_cast<uint64_t>(max_parallelism));
}
/// Subtask that owns a key group.
inline int SubtaskOf(uint16_t key_group, int parallelism, int max_parallelism) {
  return static_cast<int>(int64_t{key_group} * parallelism / max_parallelism);
}

/// The key groups of a subtask: [begin, end).
struct KeyGroupRange {
  int begin = 0;
  int end = 0;
  bool Contains(int key_group) const { return begin <= key_group && key_group < end; }
  friend bool operator==(const KeyGroupRange&, const KeyGroupRange&) = default;
};
inline KeyGroupRange RangeOf(int subtask, int parallelism, int max_parallelism) {
  auto first = [&](int s) {
    return static_cast<int>((int64_t{s} * max_parallelism + parallelism - 1) / parallelism);
  };
  return {first(subtask), first(subtask + 1)};
}

}  // namespace weir::batch
