#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace weir::taskmanager {

/// Keys that were seen lately: a filter for who only wants to know that a key was there. Says "seen" only when it is
/// true, and forgets keys as it likes.
///
/// Thread:  confined.
/// Shape:   one key a cell, chosen by hash; keys of more than kMaxKey bytes are never remembered.
class RecentKeys {
 public:
  static constexpr size_t kMaxKey = 23;

  /// Whether (`bucket`, `key`) was seen, and is remembered; from now on it is.
  bool Seen(int64_t bucket, std::string_view key, uint64_t hash) {
    if (key.size() > kMaxKey) return false;
    if (cells_.empty()) cells_.resize(kCells);
    Cell& cell = cells_[hash >> 20 & (kCells - 1)];
    if (cell.used && cell.bucket == bucket && cell.size == key.size() &&
        std::memcmp(cell.key, key.data(), key.size()) == 0) {
      return true;
    }
    cell.used = true;
    cell.bucket = bucket;
    cell.size = static_cast<uint8_t>(key.size());
    std::memcpy(cell.key, key.data(), key.size());
    return false;
  }

 private:
  static constexpr size_t kCells = 16 << 10;
  struct Cell {
    int64_t bucket = 0;
    bool used = false;
    uint8_t size = 0;
    char key[kMaxKey];
  };
  std::vector<Cell> cells_;
};

}  // namespace weir::taskmanager
