#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "taskmanager/operator/window/accumulators.h"
#include "taskmanager/operator/window/key_table.h"

namespace weir::taskmanager {

/// The slices of a sliding window merged, from one firing to the next: slices that enter are added, those that leave are
/// taken away, so that a firing costs two slices and not all. For aggregates that can be taken away (Accumulators).
///
/// Thread:  the task's thread.
/// Shape:   a row of `table()` is the accumulators, then how many slices have the key (0: the entry is dead).
/// Why:     not state: it is made again from the slices after a restore, and after a row for a slice that is in it.
/// Source:  subtract-on-evict (Tangwongsan et al., General Incremental Sliding-Window Aggregation, VLDB 2015).
class RunningMerge {
 public:
  explicit RunningMerge(const Accumulators* accumulators);

  /// Ends of the slices in it: (from, to]. Nothing: from == to.
  int64_t from() const { return from_; }
  int64_t to() const { return to_; }
  void set_range(int64_t from, int64_t to) { from_ = from, to_ = to; }
  void Reset();

  void Add(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows);
  /// False: some sum has left its range and cannot come back; Reset is due.
  bool Remove(const std::vector<std::string_view>& keys, const std::vector<const std::byte*>& rows);
  /// At most `limit` entries from `*cursor` on that are not dead. False: there are no more.
  bool Page(int64_t* cursor, int64_t limit, std::vector<std::string_view>* keys,
            std::vector<const std::byte*>* rows) const;
  /// A piece of moving the living entries together, when most are dead. False: nothing is left to do.
  bool Compact(int64_t limit);

 private:
  int64_t SlicesOf(const std::byte* row) const;
  void AddSlices(std::byte* row, int64_t n) const;
  void Find(const std::vector<std::string_view>& keys);

  const Accumulators* accumulators_;
  size_t count_offset_;
  std::unique_ptr<KeyTable> table_;
  int64_t from_ = 0, to_ = 0;
  int64_t dead_ = 0;
  std::unique_ptr<KeyTable> compacted_;  // under way
  int64_t compact_cursor_ = 0;
  std::vector<uint64_t> hashes_;
};

}  // namespace weir::taskmanager
