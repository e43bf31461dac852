#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"

namespace weir::taskmanager::kafka {

/// Which of a subtask's transactional ids may be used for what. Slot i stands for the id that ends in `/i`.
///
///   FREE -> WARMING -> WARM -> OPEN -> SEALED -> PREPARED -> COMMITTED -> FREE
///
/// Thread:    confined; a value.
/// Invariant: a slot from OPEN to COMMITTED is never warmed: initialising its id would abort what is prepared there
///            (reference 7.1, I3). COMMITTED becomes FREE only when a transaction that was prepared after that commit is
///            committed itself: then a complete checkpoint exists whose list of handles does not have the slot's any
///            more, so no restore asks for it (FLINK-40626). Pre-commits and commits of a subtask come one after the
///            other, in order.
/// Errors:    kInternal: not the state for that.
class SlotPool {
 public:
  enum class State : uint8_t { kFree, kWarming, kWarm, kOpen, kSealed, kPrepared, kCommitted };

  explicit SlotPool(int slots) : slots_(static_cast<size_t>(slots)) {}

  /// The lowest free slot, WARMING now. Nothing: none is free.
  std::optional<int> BeginWarming();
  absl::Status Warmed(int slot);
  /// WARMING or WARM to FREE: nothing was begun under the id.
  absl::Status Cool(int slot);
  /// The slot that has been WARM for longest, OPEN now. Nothing: none is warm.
  std::optional<int> Open();
  absl::Status Seal(int slot, CheckpointId checkpoint);
  absl::Status Prepare(int slot);
  absl::Status Commit(int slot);

  State state(int slot) const { return slots_[static_cast<size_t>(slot)].state; }
  /// Of sealed, prepared and committed slots.
  CheckpointId checkpoint(int slot) const { return slots_[static_cast<size_t>(slot)].checkpoint; }
  int size() const { return static_cast<int>(slots_.size()); }
  int warm() const { return static_cast<int>(warm_.size()); }
  /// Longest WARM first.
  const std::deque<int>& warm_slots() const { return warm_; }
  int Count(State state) const;

 private:
  struct Slot {
    State state = State::kFree;
    CheckpointId checkpoint;
    int64_t commits_seen = 0;  // PREPARED: commits confirmed before it was prepared
    int64_t commit = 0;        // COMMITTED: its number
  };
  absl::Status Move(int slot, State from, State to);

  std::vector<Slot> slots_;
  std::deque<int> warm_;
  int64_t commits_ = 0;
};

}  // namespace weir::taskmanager::kafka
