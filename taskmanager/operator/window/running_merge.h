#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "taskmanager/operator/window/key_table.h"
#include "taskmanager/operator/window/sliding_merge.h"

namespace weir::taskmanager {

/// Slices that enter are added, those that leave are taken away: a firing costs two slides. For aggregates that can be
/// taken away (Accumulators::invertible).
///
/// Shape:   a row of the table is the accumulators, then how many slices have the key (0: the entry is dead).
/// Source:  subtract-on-evict (Tangwongsan et al., General Incremental Sliding-Window Aggregation, VLDB 2015).
class RunningMerge final : public SlidingMerge {
 public:
  RunningMerge(const Accumulators* accumulators, WindowState* state, WindowMath math);

  bool Begin(int64_t window_end) override;
  absl::StatusOr<Result> Step(Page* page) override;

 protected:
  void Reset() override;
  int64_t keys() const override { return table_->size(); }

 private:
  /// Looks up a page of the stale keys.
  absl::Status Mend();
  void Add(const NamespaceTable::Page& page);
  /// False: some sum has left its range and cannot come back.
  bool Remove(const NamespaceTable::Page& page);
  /// A page of the entries from `*cursor` on that are not dead. False: there are no more.
  bool Living(int64_t* cursor, Page* page) const;
  /// A piece of moving the living entries together, when most are dead. False: nothing is left to do.
  bool Compact();
  int64_t SlicesOf(const std::byte* row) const;
  void SetSlices(std::byte* row, int64_t n) const;

  const size_t count_offset_;
  std::unique_ptr<KeyTable> table_;
  int64_t dead_ = 0;
  std::unique_ptr<KeyTable> compacted_;  // under way
  int64_t compact_cursor_ = 0;
  enum class Phase { kMend, kEnter, kEmit, kLeave, kCompact } phase_ = Phase::kEnter;
  int64_t emitted_ = 0;
  std::vector<uint64_t> hashes_;
};

}  // namespace weir::taskmanager
