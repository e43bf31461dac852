#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace weir::taskmanager {

/// Aligns the barriers of one subtask over its input channels.
///
/// Thread:    confined to the task's thread; pure.
/// Shape:     channels in [0, channel_count). Each call returns what is to be done, in order.
/// Invariant: exactly once: nothing is taken from a channel behind barrier n before all have delivered n, or n was given up.
/// Why:       a barrier given up is said downstream (kCancelDownstream), or a task there would wait for it to its own
///            deadline.
/// Source:    Carbone et al. 2015, algorithm 1; Flink's SingleCheckpointBarrierHandler.
class BarrierAligner {
 public:
  struct Action {
    enum class Kind {
      kSnapshot,          // all channels have delivered it: drain, snapshot, barrier downstream
      kDecline,           // tell the coordinator that it was given up
      kCancelDownstream,
    } kind;
    CheckpointId checkpoint;
    friend bool operator==(const Action&, const Action&) = default;
  };
  using Actions = std::vector<Action>;

  BarrierAligner(int channel_count, bool exactly_once) : channels_(channel_count), blocking_(exactly_once) {}

  Actions OnBarrier(int channel, CheckpointId checkpoint, SteadyMicros now);
  /// An upstream task gave it up.
  Actions OnCancelled(int channel, CheckpointId checkpoint);
  /// The coordinator gave it up (nothing to decline), or its deadline has passed here (`decline`).
  Actions GiveUp(CheckpointId checkpoint, bool decline);
  /// The coordinator knows nothing of what is below: it is given up, and barriers that still come are swallowed.
  Actions ForgetBelow(CheckpointId checkpoint);

  /// Nothing may be taken from the channel now.
  bool IsBlocked(int channel) const;
  /// Begun and not complete, oldest first; at most a few.
  std::vector<CheckpointId> Aligning() const;
  /// When the first barrier of the oldest alignment came.
  SteadyMicros started_at() const { return aligning_.empty() ? 0 : aligning_.begin()->second.started_at; }
  /// From first to last barrier of the latest complete alignment, microseconds.
  int64_t last_alignment_micros() const { return last_alignment_micros_; }

 private:
  struct Alignment {
    std::set<int> arrived;
    SteadyMicros started_at = 0;
  };
  void GiveUpBelow(CheckpointId checkpoint, Actions* actions);
  void Remember(CheckpointId given_up);

  int channels_;
  bool blocking_;
  std::map<CheckpointId, Alignment> aligning_;
  CheckpointId done_{-1};             // complete; barriers up to it are old news
  std::set<CheckpointId> given_up_;   // above done_: their late barriers are swallowed
  int64_t last_alignment_micros_ = 0;
};

}  // namespace weir::taskmanager
