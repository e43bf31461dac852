#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/batch/key.h"

namespace weir::taskmanager {

/// From a key to the rows of a table that never changes.
///
/// Thread:  immutable after Build.
/// Shape:   a table of rows by number when the key is one integer column whose values lie close together, else a hash
///          table over canonical key bytes. Rows of equal keys hang together in the table's order. Rows with a NULL in
///          their key are not found.
class LookupIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  /// `keys`: the key columns of all rows, of the types of those that will be asked for.
  void Build(const batch::Batch& keys);

  /// Whether FirstRows asks the key columns themselves and no canonical keys.
  bool by_number() const { return by_number_; }
  /// The first row for each of `rows`; `canonical` is not looked at when by_number().
  void FirstRows(const batch::Batch& keys, const batch::KeyBatch& canonical, const std::vector<uint32_t>& rows,
                 std::vector<uint32_t>* first) const;
  /// The next row of the same key, or kNone.
  uint32_t Next(uint32_t row) const { return next_[row]; }
  /// No key has two rows.
  bool unique() const { return unique_; }

 private:
  struct Cell {
    uint32_t tag = 0;
    uint32_t row = 0;  // + 1; 0: free
  };
  bool BuildByNumber(const batch::Column& key);
  uint32_t Find(std::string_view key, uint64_t hash) const;
  void Link(uint32_t* first, uint32_t row);

  bool by_number_ = false;
  bool unique_ = true;
  int64_t least_ = 0;
  std::vector<uint32_t> first_;  // by number - least_
  std::vector<uint32_t> next_, last_;  // by row; last_ of a key's first row
  batch::KeyBatch keys_;
  std::vector<Cell> cells_;
};

}  // namespace weir::taskmanager
