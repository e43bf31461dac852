#include "taskmanager/task/barrier_aligner.h"

#include <algorithm>

#include "common/base/known_bug.h"

namespace weir::taskmanager {
namespace {
/// Given-up ids kept; ids only grow, so the oldest cannot come any more long before this many are.
constexpr size_t kMaxRemembered = 256;
}  // namespace

void BarrierAligner::Remember(CheckpointId given_up) {
  given_up_.insert(given_up);
  if (given_up_.size() > kMaxRemembered) given_up_.erase(given_up_.begin());
}

void BarrierAligner::GiveUpBelow(CheckpointId checkpoint, Actions* actions) {
  while (!aligning_.empty() && aligning_.begin()->first < checkpoint) {
    const CheckpointId old = aligning_.begin()->first;
    aligning_.erase(aligning_.begin());
    Remember(old);
    actions->push_back({Action::Kind::kDecline, old});
    actions->push_back({Action::Kind::kCancelDownstream, old});
  }
}

BarrierAligner::Actions BarrierAligner::OnBarrier(int channel, CheckpointId checkpoint, SteadyMicros now) {
  Actions actions;
  if (checkpoint <= done_ || given_up_.contains(checkpoint)) return actions;
  // Where blocking, a barrier above one that is being aligned can only come from a channel where the lower one was due.
  if (blocking_) GiveUpBelow(checkpoint, &actions);
  Alignment& alignment = aligning_[checkpoint];
  if (alignment.arrived.empty()) alignment.started_at = now;
  alignment.arrived.insert(channel);
  if (static_cast<int>(alignment.arrived.size()) < channels_) return actions;
  last_alignment_micros_ = now - alignment.started_at;
  aligning_.erase(checkpoint);
  GiveUpBelow(checkpoint, &actions);
  done_ = checkpoint;
  given_up_.erase(given_up_.begin(), given_up_.upper_bound(checkpoint));
  actions.push_back({Action::Kind::kSnapshot, checkpoint});
  return actions;
}

BarrierAligner::Actions BarrierAligner::OnCancelled(int channel, CheckpointId checkpoint) {
  if (checkpoint <= done_ || given_up_.contains(checkpoint)) return {};
  return GiveUp(checkpoint, /*decline=*/true);
}

BarrierAligner::Actions BarrierAligner::GiveUp(CheckpointId checkpoint, bool decline) {
  if (checkpoint <= done_ || given_up_.contains(checkpoint)) return {};
  aligning_.erase(checkpoint);
  Remember(checkpoint);
  Actions actions;
  if (decline) actions.push_back({Action::Kind::kDecline, checkpoint});
  actions.push_back({Action::Kind::kCancelDownstream, checkpoint});
  return actions;
}

BarrierAligner::Actions BarrierAligner::ForgetBelow(CheckpointId checkpoint) {
  Actions actions;
  while (!aligning_.empty() && aligning_.begin()->first < checkpoint) {
    actions.push_back({Action::Kind::kCancelDownstream, aligning_.begin()->first});
    aligning_.erase(aligning_.begin());
  }
  done_ = std::max(done_, CheckpointId(checkpoint.value - 1));
  given_up_.erase(given_up_.begin(), given_up_.upper_bound(done_));
  return actions;
}

bool BarrierAligner::IsBlocked(int channel) const {
  if (!blocking_ || WEIR_KNOWN_BUG("FLINK-17568")) return false;
  for (const auto& [checkpoint, alignment] : aligning_) {
    if (alignment.arrived.contains(channel)) return true;
  }
  return false;
}

std::vector<CheckpointId> BarrierAligner::Aligning() const {
  std::vector<CheckpointId> out;
  for (const auto& [checkpoint, alignment] : aligning_) out.push_back(checkpoint);
  return out;
}

}  // namespace weir::taskmanager
