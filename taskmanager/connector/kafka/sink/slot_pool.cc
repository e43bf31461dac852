#include "taskmanager/connector/kafka/sink/slot_pool.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/known_bug.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka {
namespace {

const char* Name(SlotPool::State state) {
  static constexpr const char* kNames[] = {"free", "warming", "warm", "open", "sealed", "prepared", "committed"};
  return kNames[static_cast<int>(state)];
}

}  // namespace

absl::Status SlotPool::Move(int slot, State from, State to) {
  Slot& moved = slots_[static_cast<size_t>(slot)];
  if (moved.state != from) {
    return absl::InternalError(absl::StrCat("slot ", slot, " is ", Name(moved.state), ", it cannot become ", Name(to)));
  }
  moved.state = to;
  return absl::OkStatus();
}

std::optional<int> SlotPool::BeginWarming() {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].state != State::kFree) continue;
    slots_[i] = Slot{State::kWarming, {}, 0, 0};
    return static_cast<int>(i);
  }
  return std::nullopt;
}

absl::Status SlotPool::Warmed(int slot) {
  RETURN_IF_ERROR(Move(slot, State::kWarming, State::kWarm));
  warm_.push_back(slot);
  return absl::OkStatus();
}

absl::Status SlotPool::Cool(int slot) {
  if (state(slot) == State::kWarming) return Move(slot, State::kWarming, State::kFree);
  RETURN_IF_ERROR(Move(slot, State::kWarm, State::kFree));
  warm_.erase(std::find(warm_.begin(), warm_.end(), slot));
  return absl::OkStatus();
}

std::optional<int> SlotPool::Open() {
  if (warm_.empty()) return std::nullopt;
  const int slot = warm_.front();
  warm_.pop_front();
  slots_[static_cast<size_t>(slot)].state = State::kOpen;
  return slot;
}

absl::Status SlotPool::Seal(int slot, CheckpointId checkpoint) {
  RETURN_IF_ERROR(Move(slot, State::kOpen, State::kSealed));
  slots_[static_cast<size_t>(slot)].checkpoint = checkpoint;
  return absl::OkStatus();
}

absl::Status SlotPool::Prepare(int slot) {
  RETURN_IF_ERROR(Move(slot, State::kSealed, State::kPrepared));
  slots_[static_cast<size_t>(slot)].commits_seen = commits_;
  return absl::OkStatus();
}

absl::Status SlotPool::Commit(int slot) {
  RETURN_IF_ERROR(Move(slot, State::kPrepared, State::kCommitted));
  Slot& committed = slots_[static_cast<size_t>(slot)];
  committed.commit = ++commits_;
  for (Slot& other : slots_) {
    if (other.state == State::kCommitted && other.commit <= committed.commits_seen) other = Slot{};
  }
  if (WEIR_KNOWN_BUG("FLINK-8132")) committed = Slot{};
  return absl::OkStatus();
}

int SlotPool::Count(State state) const {
  return static_cast<int>(
      std::count_if(slots_.begin(), slots_.end(), [state](const Slot& slot) { return slot.state == state; }));
}

}  // namespace weir::taskmanager::kafka
