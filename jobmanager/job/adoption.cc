#include "jobmanager/job/adoption.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "jobmanager/job/attempt_progress.h"

namespace weir::jobmanager {
namespace {

std::string NameOf(SubtaskId subtask) {
  return absl::StrCat("subtask ", subtask.task, "/", subtask.index);
}

}  // namespace

Adoption::Adoption(const plan::ExecutionPlan& plan, Attempt attempt)
    : attempt_(attempt), needed_(AttemptProgress(plan, false).subtasks()) {}

void Adoption::Never(std::string why) {
  if (never_.empty()) never_ = std::move(why);
}

void Adoption::Compare(const control::SubtaskPlacement& expected) {
  const auto there = registered_.find(expected.taskmanager);
  if (there == registered_.end() || there->second == expected.incarnation) return;
  Never(absl::StrCat("TaskManager `", expected.taskmanager, "`, where ", NameOf(expected.subtask),
                     " ran, is another process now"));
}

void Adoption::OnReport(const std::string& taskmanager, Incarnation incarnation,
                        const control::AttemptReport& report) {
  registered_[taskmanager] = incarnation;
  reported_[taskmanager] = incarnation;
  for (const control::SubtaskPlacement& placement : report.placements) {
    const auto [it, added] = expected_.emplace(placement.subtask, placement);
    if (!added && !(it->second == placement)) {
      Never(absl::StrCat("TaskManagers differ in where ", NameOf(placement.subtask), " runs"));
    }
    Compare(placement);
  }
  for (const control::AttemptReport::Subtask& subtask : report.subtasks) {
    const auto expected = expected_.find(subtask.subtask);
    if (expected == expected_.end() || expected->second.taskmanager != taskmanager ||
        expected->second.incarnation != incarnation) {
      Never(absl::StrCat(NameOf(subtask.subtask), " was not deployed to `", taskmanager, "`"));
      continue;
    }
    running_[subtask.subtask] = expected->second;
    OnState(subtask.subtask, subtask.state);
    if (subtask.source_ended) ended_.insert(subtask.subtask);
  }
}

void Adoption::OnState(SubtaskId subtask, control::SubtaskState state) {
  if (state == control::SubtaskState::kRunning) return;
  Never(absl::StrCat(NameOf(subtask), " does not run"));
}

void Adoption::OnRegistered(const std::string& taskmanager, Incarnation incarnation) {
  registered_[taskmanager] = incarnation;
  for (const auto& [subtask, placement] : expected_) {
    if (placement.taskmanager == taskmanager) Compare(placement);
  }
}

void Adoption::OnLost(const std::string& taskmanager) {
  registered_.erase(taskmanager);
  if (reported_.contains(taskmanager)) {
    Never(absl::StrCat("TaskManager `", taskmanager, "` is lost"));
  }
}

Adoption::Verdict Adoption::verdict() const {
  if (!never_.empty()) return Verdict::kNever;
  for (const SubtaskId& subtask : needed_) {
    if (!running_.contains(subtask)) return Verdict::kWait;
  }
  return Verdict::kAdopt;
}

std::string Adoption::why() const {
  if (!never_.empty()) return never_;
  return absl::StrCat(running_.size(), " of ", needed_.size(), " subtasks are reported");
}

std::vector<control::SubtaskPlacement> Adoption::placements() const {
  std::vector<control::SubtaskPlacement> placements;
  for (const SubtaskId& subtask : needed_) {
    if (const auto it = running_.find(subtask); it != running_.end()) {
      placements.push_back(it->second);
    }
  }
  return placements;
}

std::vector<std::string> Adoption::slots() const {
  std::map<int32_t, std::string> by_index;
  for (const auto& [subtask, placement] : running_) {
    by_index.emplace(subtask.index, placement.taskmanager);
  }
  std::vector<std::string> slots;
  for (auto& [index, name] : by_index) slots.push_back(name);
  return slots;
}

}  // namespace weir::jobmanager
