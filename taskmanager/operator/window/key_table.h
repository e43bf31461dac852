#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/prefetch.h"
#include "common/batch/key.h"

namespace weir::taskmanager {

/// A hash table in memory from key bytes to a row of fixed width, zeroed at first: partial aggregates, and what a firing
/// window merges. Not state: nothing of it outlives a barrier.
///
/// Thread:  confined.
/// Shape:   entries are dense in order of insertion, [0, size()). Rows and keys move when it grows: take pointers after
///          the last insertion.
/// Why:     open addressing over 8-byte cells (hash tag and entry), probed a batch at a time with prefetch: the misses of
///          a batch overlap.
class KeyTable {
 public:
  explicit KeyTable(int width) : width_((width + 7) / 8 * 8) { Rehash(kFirstCells); }

  /// entries[i] becomes the entry of keys.key(rows[i]).
  void FindOrInsert(const batch::KeyBatch& keys, const uint32_t* rows, int64_t count, uint32_t* entries);
  /// One key. `*inserted` (may be null): it was not there.
  uint32_t FindOrInsert(std::string_view key, uint64_t hash, bool* inserted = nullptr);

  /// hashes[i] becomes that of keys[i], which will be looked up: its cell is asked for.
  void HashAll(const std::vector<std::string_view>& keys, std::vector<uint64_t>* hashes) const;

  int64_t size() const { return static_cast<int64_t>(hashes_.size()); }
  std::byte* row(uint32_t entry) { return rows_.data() + size_t{entry} * width_; }
  const std::byte* row(uint32_t entry) const { return rows_.data() + size_t{entry} * width_; }
  std::string_view key(uint32_t entry) const {
    return {keys_.data() + key_ends_[entry], key_ends_[entry + 1] - key_ends_[entry]};
  }
  size_t bytes() const { return rows_.size() + keys_.size() + hashes_.size() * 12 + cells_.size() * 8; }
  void Clear();

 private:
  static constexpr size_t kFirstCells = 256;
  struct Cell {
    uint32_t tag = 0;    // upper half of the hash
    uint32_t entry = 0;  // + 1; 0 = free
  };
  void Rehash(size_t cells);

  size_t width_;
  std::vector<Cell> cells_;
  size_t mask_ = 0;
  std::vector<uint64_t> hashes_;
  std::vector<std::byte> rows_;
  std::string keys_;
  std::vector<uint32_t> key_ends_{0};
};

}  // namespace weir::taskmanager
