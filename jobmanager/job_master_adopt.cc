// JobMaster: a new leader goes on with the attempt that runs (design.md section 5, Recovery).

#include <utility>

#include "absl/strings/str_cat.h"
#include "jobmanager/job_master.h"

namespace weir::jobmanager {
namespace {

constexpr SteadyMicros kLookAgain = 1'000'000;

}  // namespace

bool JobMaster::MayAdopt(Attempt attempt) const {
  return adoption_ && adoption_->attempt() == attempt;
}

void JobMaster::OpenAdoption() {
  // Before checkpoint 0, in a resolver and at an end there is nothing that runs on.
  const bool runs = durable_.state == JobState::kRunning && !durable_.end && !durable_.staged;
  const SteadyMicros patience = context_->options.adoption_timeout;
  if (!runs || patience <= 0) return;
  adoption_.emplace(*plan_, durable_.attempt);
  After(patience, [this] { OnAdoptionPatience(); });
}

void JobMaster::OnAdoptionPatience() {
  if (!adoption_) return;
  // While there is no room for the next attempt, nothing is lost by waiting on for this one.
  const int room =
      context_->registry->FreeSlots() + static_cast<int>(adoption_->slots().size());
  if (room < plan_->slots) return After(kLookAgain, [this] { OnAdoptionPatience(); });
  GiveUpAdoption(absl::StrCat("in time, ", adoption_->why()));
}

void JobMaster::OnAdoptionMessage(const std::string& taskmanager,
                                  const control::ToJobManager& message) {
  const auto mine = [&](const control::Fence& fence) {
    return fence.epoch == context_->epoch && fence.attempt == adoption_->attempt();
  };
  if (const auto* m = std::get_if<control::AttemptReport>(&message)) {
    if (!mine(m->fence)) return;
    for (const auto& [id, session] : context_->registry->sessions()) {
      if (session.reg.name != taskmanager || context_->registry->Registered(id) == nullptr) continue;
      adoption_->OnReport(taskmanager, session.reg.incarnation, *m);
    }
    context_->registry->Assign(durable_.id, adoption_->slots());
  } else if (const auto* m = std::get_if<control::SubtaskStateChanged>(&message)) {
    if (mine(m->fence)) adoption_->OnState(m->subtask, m->state);
  } else if (const auto* m = std::get_if<control::SourceEnded>(&message)) {
    if (mine(m->fence)) adoption_->OnSourceEnded(m->subtask);
  }
  MaybeAdopt();
}

void JobMaster::OnTaskManagerRegistered(const std::string& name, Incarnation incarnation) {
  if (!adoption_) return;
  adoption_->OnRegistered(name, incarnation);
  MaybeAdopt();
}

void JobMaster::OnRetainedRead() {
  resumed_ = true;
  if (!adoption_) return NextAttempt();
  // A new block of checkpoint ids; and nothing is done for an attempt before this leader has written.
  Propose(
      [&](JobRecord& r) {
        r.ids_reserved = std::max(r.ids_reserved,
                                  CheckpointId(next_id_.value + CheckpointCoordinator::kIdBlock));
      },
      [this] {
        if (!adoption_) return;
        adoption_ready_ = true;
        MaybeAdopt();
      });
}

void JobMaster::MaybeAdopt() {
  if (!adoption_) return;
  switch (adoption_->verdict()) {
    case Adoption::Verdict::kWait:
      return;
    case Adoption::Verdict::kNever:
      return GiveUpAdoption(adoption_->why());
    case Adoption::Verdict::kAdopt:
      if (adoption_ready_) Adopt();
      return;
  }
}

void JobMaster::GiveUpAdoption(const std::string& why) {
  Log(absl::StrCat("what runs is not adopted: ", why));
  DropAdoption();
  if (resumed_) NextAttempt();
}

void JobMaster::DropAdoption() {
  if (!adoption_) return;
  const control::CancelAttempt cancel{{context_->epoch, durable_.id, adoption_->attempt()}};
  const auto taskmanagers = adoption_->taskmanagers();
  adoption_.reset();
  for (const auto& [name, incarnation] : taskmanagers) context_->send(name, incarnation, cancel);
  context_->registry->Release(durable_.id);
}

void JobMaster::NextAttempt() {
  BeginAttempt(proposed_.staged ? Next::kResolve : Next::kRun, 0,
               [](JobRecord& r) { ++r.restarts; });
}

void JobMaster::Adopt() {
  const Adoption adopted = *std::move(adoption_);
  adoption_.reset();
  run_.emplace(*plan_, false);
  run_->number = adopted.attempt();
  run_->recorded = run_->deployed = run_->splits_recorded = true;
  if (!durable_.retained.empty()) run_->restored = durable_.retained.back().id;
  run_->placements = adopted.placements();
  run_->taskmanagers = adopted.taskmanagers();
  for (const control::SubtaskPlacement& placement : run_->placements) {
    run_->progress.OnState(placement.subtask, control::SubtaskState::kRunning);
  }
  for (const SubtaskId& subtask : adopted.ended_sources()) run_->progress.OnSourceEnded(subtask);
  run_->progress.Adopted();
  Log("adopted", {{"checkpoint", absl::StrCat(durable_.last_id.value)},
                  {"next", absl::StrCat(next_id_.value)}});
  SendToAll(control::AdoptAttempt{
      {context_->epoch, durable_.id, run_->number}, durable_.last_id, next_id_});
  OnAllRunning(/*adopted=*/true);
}

}  // namespace weir::jobmanager
