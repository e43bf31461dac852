#include "jobmanager/job/attempt_progress.h"

#include <algorithm>

namespace weir::jobmanager {

AttemptProgress::AttemptProgress(const plan::ExecutionPlan& plan, bool resolve_only) {
  for (const plan::Task& task : plan.tasks) {
    auto has = [&](plan::OperatorKind kind) {
      return std::any_of(task.operators.begin(), task.operators.end(),
                         [&](const auto& op) { return op.kind == kind; });
    };
    const bool sink = has(plan::OperatorKind::kSink), source = has(plan::OperatorKind::kSource);
    if (resolve_only && !sink) continue;
    for (int index = 0; index < (resolve_only ? 1 : task.parallelism); ++index) {
      const SubtaskId subtask{task.index, index};
      order_.push_back(subtask);
      states_[subtask] = control::SubtaskState::kDeploying;
      if (sink && index == 0) sweepers_.insert(subtask);
      if (source) sources_.insert(subtask);
    }
  }
}

control::SubtaskState AttemptProgress::state(SubtaskId subtask) const {
  auto it = states_.find(subtask);
  return it == states_.end() ? control::SubtaskState::kDeploying : it->second;
}

void AttemptProgress::OnState(SubtaskId subtask, control::SubtaskState state) {
  auto it = states_.find(subtask);
  if (it != states_.end() && state > it->second) it->second = state;
}

bool AttemptProgress::Move(Phase from, Phase to, bool when) {
  if (phase_ != from || !when) return false;
  phase_ = to;
  return true;
}

bool AttemptProgress::All(control::SubtaskState state) const {
  return std::all_of(states_.begin(), states_.end(),
                     [&](const auto& entry) { return entry.second >= state; });
}

bool AttemptProgress::Covers(const std::set<SubtaskId>& have, const std::set<SubtaskId>& need) {
  return std::includes(have.begin(), have.end(), need.begin(), need.end());
}

}  // namespace weir::jobmanager
