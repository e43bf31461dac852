#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/batch/key.h"
#include "taskmanager/operator/window/accumulators.h"
#include "taskmanager/operator/window/window_math.h"
#include "taskmanager/operator/window/window_state.h"

namespace weir::taskmanager {

/// Merges the slices of a few keys, looking each up: for those that late rows have changed. Not with count(distinct),
/// whose values cannot be looked up by key.
///
/// Thread:  the task's thread.
class PickedMerge {
 public:
  void Open(const Accumulators* accumulators, WindowState* state, WindowMath math);

  /// Of the slices with ends in (from, to], oldest first. At most Batch::kMaxRows keys, each once.
  absl::Status Merge(const std::vector<std::string_view>& keys, int64_t from, int64_t to);
  /// Of the last Merge, by place in `keys`, until the next one.
  const std::byte* row(size_t i) const { return rows_.data() + i * width_; }
  /// How many slices have the key.
  int64_t slices(size_t i) const { return slices_[i]; }
  const batch::StringArena& arena() const { return arena_; }

 private:
  const Accumulators* accumulators_ = nullptr;
  WindowState* state_ = nullptr;
  WindowMath math_;
  size_t width_ = 0;
  std::vector<std::byte> rows_;
  std::vector<int64_t> slices_;
  batch::StringArena arena_;
  batch::KeyBatch keys_;
  std::vector<uint32_t> all_;
  std::vector<uint32_t> slots_;
};

}  // namespace weir::taskmanager
