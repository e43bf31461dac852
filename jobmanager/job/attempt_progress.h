#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/control/messages.h"
#include "common/plan/plan.h"

namespace weir::jobmanager {

/// How far the subtasks of one attempt have come.
///
/// Thread:    confined; pure.
/// Shape:     an attempt goes restoring -> sweeping -> starting -> running, each when all subtasks
/// are there
///            (sweeping: subtask 0 of every sink). A resolver attempt has those only and ends with
///            the sweep.
/// Source:    design.md section 5 (Recovery).
class AttemptProgress {
 public:
  enum class Phase : uint8_t { kRestoring, kSweeping, kSwept, kStarting, kRunning };

  AttemptProgress(const plan::ExecutionPlan& plan, bool resolve_only);

  const std::vector<SubtaskId>& subtasks() const { return order_; }
  const std::set<SubtaskId>& sweepers() const { return sweepers_; }
  bool IsSource(SubtaskId subtask) const { return sources_.contains(subtask); }
  control::SubtaskState state(SubtaskId subtask) const;
  Phase phase() const { return phase_; }

  /// A subtask that is unknown, or a state that goes back, is ignored.
  void OnState(SubtaskId subtask, control::SubtaskState state);
  void OnSwept(SubtaskId subtask) { swept_.insert(subtask); }
  void OnSourceEnded(SubtaskId subtask) { ended_.insert(subtask); }

  /// Moves on from the phase when everybody is there: true, once.
  bool AllRestored() {
    return Move(Phase::kRestoring, Phase::kSweeping, All(control::SubtaskState::kRestored));
  }
  bool AllSwept() { return Move(Phase::kSweeping, Phase::kSwept, Covers(swept_, sweepers_)); }
  void Starting() { phase_ = Phase::kStarting; }
  /// All subtasks ran already when they were met.
  void Adopted() { phase_ = Phase::kRunning; }
  bool AllRunning() {
    return Move(Phase::kStarting, Phase::kRunning, All(control::SubtaskState::kRunning));
  }
  bool AllSourcesEnded() const { return Covers(ended_, sources_); }

 private:
  bool Move(Phase from, Phase to, bool when);
  bool All(control::SubtaskState state) const;
  static bool Covers(const std::set<SubtaskId>& have, const std::set<SubtaskId>& need);

  std::vector<SubtaskId> order_;
  std::map<SubtaskId, control::SubtaskState> states_;
  std::set<SubtaskId> sweepers_;
  std::set<SubtaskId> sources_;
  std::set<SubtaskId> swept_;
  std::set<SubtaskId> ended_;
  Phase phase_ = Phase::kRestoring;
};

}  // namespace weir::jobmanager
