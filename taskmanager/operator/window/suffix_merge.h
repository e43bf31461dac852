#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "taskmanager/operator/window/key_table.h"
#include "taskmanager/operator/window/sliding_merge.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// Two stacks: of the older slices lies, per key, the merge of each with all that follow it, so that the oldest is taken
/// away by looking at the next; slices that enter are merged into one row. The older ones are made anew once a window
/// size, when none is left: each slice is merged three times and not in every window. For aggregates whose merges may be
/// put into brackets as one likes (Accumulators::associative).
///
/// Shape:   a row of the table is the accumulators of the slices in (middle, to], the place + 1 of the key's oldest node,
///          and whether the key is in any of those slices. A node: the key's entry, the place + 1 of its next newer node,
///          accumulators. Nodes of older slices lie behind those of newer ones: the oldest are cut off.
/// Bounds:  nodes take as many rows as the slices have; no more memory than the state itself, else it is given up for a
///          while.
/// Source:  two-stacks (Tangwongsan et al., In-Order Sliding-Window Aggregation in Worst-Case Constant Time, 2021).
class SuffixMerge final : public SlidingMerge {
 public:
  /// More than `least_bytes` are only taken when `keyed` has as many in memory.
  SuffixMerge(const Accumulators* accumulators, WindowState* state, WindowMath math, const KeyedState* keyed,
              int64_t least_bytes = int64_t{1} << 20);

  bool Begin(int64_t window_end) override;
  absl::StatusOr<Result> Step(Page* page) override;

 protected:
  void Reset() override;
  int64_t keys() const override { return table_->size(); }

 private:
  struct Node {
    uint32_t entry;
    uint32_t next;  // + 1; 0 = none
    std::byte* accumulators() { return reinterpret_cast<std::byte*>(this + 1); }
  };
  struct Older {  // a slice and its first node
    int64_t slice_end;
    uint32_t first;
  };

  /// Cuts off a piece of the slices that have left. False: nothing is left to do.
  bool Pop();
  void Push(const NamespaceTable::Page& page, const SlicePages::Table& of);
  void Enter(const NamespaceTable::Page& page, const SlicePages::Table& of);
  /// A page of what is to be emitted; false: there is no more.
  bool Emit(Page* page);
  absl::StatusOr<bool> EmitStale(Page* page);
  bool TooLarge() const;

  Node* node(uint32_t i) { return reinterpret_cast<Node*>(blocks_[i / kBlock].get() + i % kBlock * stride_); }
  Node* NewNode();
  uint32_t first_node(const std::byte* row) const;
  void set_first_node(std::byte* row, uint32_t first) const;
  bool in_newer(const std::byte* row) const { return row[width_ + sizeof(uint32_t)] != std::byte{0}; }

  static constexpr uint32_t kBlock = 1024;
  const KeyedState* keyed_;
  const int64_t least_bytes_;
  const size_t width_;   // of the accumulators
  const size_t stride_;  // of nodes
  std::unique_ptr<KeyTable> table_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  uint32_t nodes_ = 0;
  std::vector<Older> older_;  // newest first
  int64_t middle_ = 0;
  batch::StringArena arena_;

  enum class Phase { kPop, kPush, kEnter, kEmit, kStale } phase_ = Phase::kPop;
  int64_t emitted_ = 0;
  std::set<std::string, std::less<>>::const_iterator next_stale_;
  size_t resting_ = 0;  // windows to go until it is tried again
  std::vector<std::byte> scratch_;
  std::vector<std::string_view> picked_keys_;
  std::vector<uint64_t> hashes_;
};

}  // namespace weir::taskmanager
