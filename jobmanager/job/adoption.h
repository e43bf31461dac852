#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/control/messages.h"
#include "common/plan/plan.h"

namespace weir::jobmanager {

/// Decides whether a new leader goes on with an attempt that it did not deploy.
///
/// Thread:    confined; pure.
/// Shape:     TaskManagers report what they run of the recorded attempt. When all subtasks are
///            reported, each from where it was deployed to and RUNNING, it is adopted; as soon as one
///            is known not to run any more, never.
/// Source:    design.md section 5 (Recovery).
class Adoption {
 public:
  enum class Verdict : uint8_t { kWait, kAdopt, kNever };

  Adoption(const plan::ExecutionPlan& plan, Attempt attempt);

  Attempt attempt() const { return attempt_; }
  void OnReport(const std::string& taskmanager, Incarnation incarnation,
                const control::AttemptReport& report);
  void OnState(SubtaskId subtask, control::SubtaskState state);
  void OnSourceEnded(SubtaskId subtask) { ended_.insert(subtask); }
  /// A TaskManager has come, which may be another process of a name that the attempt ran on.
  void OnRegistered(const std::string& taskmanager, Incarnation incarnation);
  void OnLost(const std::string& taskmanager);

  Verdict verdict() const;
  /// Of kNever; of kWait what is missing.
  std::string why() const;

  /// Who has reported.
  const std::map<std::string, Incarnation>& taskmanagers() const { return reported_; }
  /// Of the reported subtasks, in the order of the plan.
  std::vector<control::SubtaskPlacement> placements() const;
  const std::set<SubtaskId>& ended_sources() const { return ended_; }
  /// The TaskManager of each slot that is known.
  std::vector<std::string> slots() const;

 private:
  void Never(std::string why);
  void Compare(const control::SubtaskPlacement& expected);

  const Attempt attempt_;
  std::vector<SubtaskId> needed_;
  std::map<SubtaskId, control::SubtaskPlacement> expected_;  // as deployed, once somebody has said
  std::map<SubtaskId, control::SubtaskPlacement> running_;
  std::map<std::string, Incarnation> reported_;
  std::map<std::string, Incarnation> registered_;
  std::set<SubtaskId> ended_;
  std::string never_;
};

}  // namespace weir::jobmanager
