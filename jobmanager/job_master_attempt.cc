// JobMaster: one attempt from its record to RUNNING, and what follows when it fails.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log/log.h"
#include "common/base/loss.h"
#include "common/config/units.h"
#include "jobmanager/checkpoint_files.h"
#include "jobmanager/job_master.h"

namespace weir::jobmanager {

using control::FailureDomain;
using control::SubtaskState;

namespace {

/// `restart_budget` of the sinks that say one.
std::map<std::string, int64_t> RestartBudgets(const plan::ExecutionPlan& plan) {
  std::map<std::string, int64_t> budgets;
  for (const job::Node& node : plan.spec->nodes) {
    const config::Value* value = node.options.Find("restart_budget");
    if (node.kind != job::NodeKind::kSink || value == nullptr) continue;
    if (const auto micros = config::ParseDuration(value->text)) budgets[node.name] = *micros / 1000;
  }
  return budgets;
}

/// Waiting does not help a job that never ran: it is to say so at once. One that ran may find the
/// broker's rights or topics restored.
bool HopelessAtStart(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status) ||
         absl::IsNotFound(status);
}

control::UnresolvedPolicy PolicyOf(Unresolved unresolved) {
  switch (unresolved) {
    case Unresolved::kRefuse:
      return control::UnresolvedPolicy::kFail;
    case Unresolved::kSkip:
      return control::UnresolvedPolicy::kSkip;
    case Unresolved::kRepeat:
      return control::UnresolvedPolicy::kRepeat;
  }
  return control::UnresolvedPolicy::kFail;
}

}  // namespace

std::string JobMaster::NameOf(SubtaskId subtask) const {
  return subtask.task >= 0 && subtask.task < static_cast<int>(plan_->tasks.size())
             ? plan_->tasks[subtask.task].name
             : absl::StrCat("task ", subtask.task);
}

void JobMaster::BeginAttempt(Next next, SteadyMicros delay,
                             std::function<void(JobRecord&)> change) {
  CancelRun();
  Propose(
      [&](JobRecord& r) {
        if (change) change(r);
        r.attempt = Attempt(r.attempt.value + 1);
        r.ids_reserved = std::max(r.ids_reserved,
                                  CheckpointId(next_id_.value + CheckpointCoordinator::kIdBlock));
      },
      [this, attempt = Attempt(proposed_.attempt.value + 1)] {
        if (!IsCurrent(attempt)) return;
        run_->recorded = true;
        TryDeploy();
      });
  StartRun(next, delay);
  context_->changed(this, true);
}

void JobMaster::StartRun(Next next, SteadyMicros delay) {
  const bool resolver = next == Next::kResolve;
  run_.emplace(*plan_, resolver);
  run_->number = proposed_.attempt;
  run_->staged = resolver && proposed_.staged.has_value() && !proposed_.end;
  run_->not_before = context_->now() + delay;
  if (delay > 0) {
    After(delay, [this, attempt = run_->number] {
      if (IsCurrent(attempt)) TryDeploy();
    });
  }
}

void JobMaster::TryDeploy() {
  if (!run_ || !run_->recorded || run_->deployed || finishing_ ||
      context_->now() < run_->not_before)
    return;
  std::vector<SchedulerCandidate> candidates = context_->registry->Candidates();
  std::vector<std::string> slots = PickSlots(candidates, run_->resolver ? 1 : plan_->slots);
  if (slots.empty() && run_->resolver && !candidates.empty()) {
    // A resolver reads a manifest and renames files: it may sit beside tasks rather than wait for a
    // free slot.
    slots = {candidates.front().name};
  }
  if (slots.empty()) {
    if (!run_->waiting_for_slots) OnNoSlots();
    run_->waiting_for_slots = true;
    return;
  }
  run_->waiting_for_slots = false;
  Deploy(slots);
}

void JobMaster::OnNoSlots() {
  const int need = run_->resolver ? 1 : plan_->slots;
  Log("waits for slots",
      {{"need", absl::StrCat(need)}, {"free", absl::StrCat(context_->registry->FreeSlots())}});
  if (!submit_done_) return;
  // A job that never ran is refused after a while; one that ran waits for as long as it takes.
  After(context_->options.slot_timeout, [this, need, attempt = run_->number] {
    if (!submit_done_ || !IsCurrent(attempt) || run_->deployed) return;
    const std::string why = absl::StrCat("not enough slots: the job needs ", need, ", ",
                                         context_->registry->FreeSlots(), " of ",
                                         context_->registry->Slots(), " are free");
    FinishEnd(JobState::kFailed,
              MakeFailure(absl::ResourceExhaustedError(why), FailureDomain::kExternal, ""), {});
  });
}

void JobMaster::Deploy(const std::vector<std::string>& slots) {
  context_->registry->Assign(durable_.id, slots);
  std::map<std::string, const control::Register*> registered;
  for (const auto& [id, session] : context_->registry->sessions()) {
    if (context_->registry->Registered(id) != nullptr) registered[session.reg.name] = &session.reg;
  }
  std::map<std::string, std::vector<SubtaskId>> by_taskmanager;
  for (const SubtaskId& subtask : run_->progress.subtasks()) {
    const std::string& name = slots[subtask.index % slots.size()];
    const control::Register& reg = *registered.at(name);
    run_->placements.push_back({subtask, name, reg.address, reg.incarnation});
    run_->taskmanagers[name] = reg.incarnation;
    by_taskmanager[name].push_back(subtask);
  }
  control::Deploy deploy;
  deploy.fence = {context_->epoch, durable_.id, run_->number};
  deploy.job_spec = spec_;
  deploy.plan_digest = plan_->digest;
  deploy.storage = durable_.storage;
  deploy.placements = run_->placements;
  deploy.resolve_only = run_->resolver;
  if (run_->staged) {
    deploy.restore = *durable_.staged;
    deploy.unresolved = PolicyOf(durable_.unresolved);
    // An ordinary checkpoint lies in its job's folder.
    if (auto path = ParseRestorePath(durable_.from); path.ok()) {
      deploy.former_job = JobId{path->manifest.substr(0, path->manifest.find('/'))};
    }
  } else if (!durable_.retained.empty()) {
    deploy.restore = durable_.retained.back().manifest;
    run_->restored = durable_.retained.back().id;
  }
  run_->splits_recorded = run_->resolver || run_->restored.has_value();
  run_->deployed = true;
  Log(run_->resolver ? "resolver deployed" : "deployed",
      {{"checkpoint", run_->restored ? absl::StrCat(run_->restored->value) : std::string("none")},
       {"taskmanagers",
        absl::StrJoin(run_->taskmanagers, ",",
                      [](std::string* out, const auto& tm) { out->append(tm.first); })}});
  for (const auto& [name, subtasks] : by_taskmanager) {
    deploy.subtasks = subtasks;
    context_->send(name, run_->taskmanagers[name], deploy);
  }
  if (submit_done_ && !run_->staged) {
    auto done = std::move(submit_done_);
    submit_done_ = nullptr;
    done(durable_.id);
  }
  context_->changed(this, true);
}

void JobMaster::SendToAll(const control::ToTaskManager& message) {
  for (const auto& [name, incarnation] : run_->taskmanagers)
    context_->send(name, incarnation, message);
}

void JobMaster::CancelRun() {
  DropAdoption();
  if (!run_) return;
  if (run_->coordinator) {
    next_id_ = std::max(next_id_, run_->coordinator->next_id());
    context_->parts.loop->Cancel(run_->wake);
  }
  if (run_->deployed) {
    if (!run_->resolver) {
      last_tasks_ = Status().tasks;
      for (SubtaskStatus& task : last_tasks_) {
        if (task.state < SubtaskState::kEnded) {
          task.state = proposed_.end == JobState::kFinished ? SubtaskState::kEnded
                                                            : SubtaskState::kCancelled;
        }
      }
      last_tasks_attempt_ = run_->number;
      ExpectEnds();
    }
    SendToAll(control::CancelAttempt{{context_->epoch, durable_.id, run_->number}});
    context_->registry->Release(durable_.id);
  }
  RequeueSavepoints();
  const bool freed = run_->deployed;
  run_.reset();
  if (freed) context_->slots_freed();
}

void JobMaster::OnMessage(const std::string& taskmanager, control::ToJobManager& message) {
  namespace event = coordinator_event;
  if (adoption_) return OnAdoptionMessage(taskmanager, message);
  auto current = [&](const control::Fence& fence) {
    return fence.epoch == context_->epoch && run_ && run_->deployed &&
           run_->number == fence.attempt && run_->taskmanagers.contains(taskmanager);
  };
  if (auto* m = std::get_if<control::MetricsReport>(&message)) {
    if (current(m->fence)) {
      for (const auto& subtask : m->subtasks) run_->metrics[subtask.subtask] = subtask;
      for (const auto& sink : m->sinks) transactions_.OnReport(run_->number, sink);
    } else if (m->fence.attempt == last_tasks_attempt_) {
      // The last figures of an attempt come when it is over.
      for (const auto& subtask : m->subtasks) {
        for (SubtaskStatus& task : last_tasks_) {
          if (task.id == subtask.subtask) task.metrics = subtask;
        }
      }
    }
    context_->changed(this, false);
  } else if (auto* m = std::get_if<control::SubtaskStateChanged>(&message)) {
    if (current(m->fence)) {
      OnState(taskmanager, *m);
    } else if (m->fence.epoch == context_->epoch) {
      OnLateState(taskmanager, *m);
    }
  } else if (auto* m = std::get_if<control::SplitsFound>(&message)) {
    if (current(m->fence)) OnSplitsFound(*m);
  } else if (auto* m = std::get_if<control::SourceEnded>(&message)) {
    if (!current(m->fence)) return;
    run_->progress.OnSourceEnded(m->subtask);
    if (run_->progress.AllSourcesEnded()) Coordinate(event::SourcesEnded{});
  } else if (auto* m = std::get_if<control::CheckpointAck>(&message)) {
    if (current(m->fence)) Coordinate(event::Acked{std::move(*m)});
  } else if (auto* m = std::get_if<control::CheckpointDecline>(&message)) {
    if (current(m->fence))
      Coordinate(event::Declined{m->checkpoint, m->subtask, m->reason, m->storage_failed});
  } else if (auto* m = std::get_if<control::CommitConfirmed>(&message)) {
    if (current(m->fence)) OnCommitConfirmed(*m);
  } else if (auto* m = std::get_if<control::Swept>(&message)) {
    if (!current(m->fence)) return;
    run_->progress.OnSwept(m->subtask);
    MaybeAdvance();
  } else if (auto* m = std::get_if<control::ProbeResult>(&message)) {
    if (current(m->fence)) Coordinate(event::Probed{taskmanager, m->probe, m->result});
  }
}

void JobMaster::OnState(const std::string& taskmanager, const control::SubtaskStateChanged& m) {
  run_->progress.OnState(m.subtask, m.state);
  if (m.state != SubtaskState::kFailed && m.state != SubtaskState::kCancelled)
    return MaybeAdvance();
  const std::string where =
      absl::StrCat(NameOf(m.subtask), " subtask ", m.subtask.index, " on ", taskmanager);
  if (m.state == SubtaskState::kCancelled) {
    return FailAttempt(MakeFailure(absl::UnavailableError("cancelled by its TaskManager"),
                                   FailureDomain::kExternal, where));
  }
  JobFailure failure = MakeFailure(
      m.error.ok() ? absl::InternalError("failed without a reason") : m.error, m.domain, where);
  // Damage that is met while state is read is of the checkpoint; later it would be of the input.
  const bool restoring = run_->progress.phase() <= AttemptProgress::Phase::kSweeping &&
                         run_->restored && !run_->resolver;
  if (restoring && failure.domain != FailureDomain::kUser && absl::IsDataLoss(failure.status))
    return OnCorrupt(std::move(failure));
  FailAttempt(std::move(failure));
}

void JobMaster::OnLateState(const std::string& taskmanager, const control::SubtaskStateChanged& m) {
  OnOldTask(m);
  // A user's error breaks connections, and the news of that may come first: it is not retried
  // either.
  if (m.state != SubtaskState::kFailed || m.domain != FailureDomain::kUser ||
      m.fence.attempt != failed_attempt_)
    return;
  if (!run_ || run_->deployed || run_->resolver || proposed_.end) return;
  JobFailure failure = MakeFailure(
      m.error, m.domain,
      absl::StrCat(NameOf(m.subtask), " subtask ", m.subtask.index, " on ", taskmanager));
  LogWarning(
      absl::StrCat("the cause of the failure: ", failure.where, ": ", failure.status.message()));
  End(JobState::kFailed, std::move(failure));
}

void JobMaster::MaybeAdvance() {
  if (WaitsForOldTasks()) return;
  const control::Fence fence{context_->epoch, durable_.id, run_->number};
  AttemptProgress& progress = run_->progress;
  if (run_->splits_recorded && progress.AllRestored()) {
    // Every handle of the restored checkpoint is committed now.
    if (!run_->staged) {
      handles_.clear();
      CopyResolvedSavepoints();
    }
    SendToAll(control::Sweep{fence, OldestRetained()});
  }
  if (progress.AllSwept()) {
    if (run_->staged) return OnStagedResolved();
    if (run_->resolver) return OnResolved();
    progress.Starting();
    if (run_->splits_grown) SendToAll(control::AssignSplits{fence, sources_});
    SendToAll(control::StartRunning{fence});
  }
  if (progress.AllRunning()) OnAllRunning();
}

Attempt JobMaster::OldestRetained() const {
  std::optional<Attempt> oldest;
  for (const auto* record : {&proposed_, &durable_}) {
    for (const CompletedCheckpoint& done : record->retained) oldest = std::min(oldest.value_or(done.attempt), done.attempt);
  }
  return oldest.value_or(Attempt(0));
}

void JobMaster::OnAllRunning(bool adopted) {
  namespace event = coordinator_event;
  ran_ = true;
  transactions_.OnRunning(run_->number);
  if (!adopted) Log("running");
  const job::CheckpointSettings& settings = plan_->spec->checkpoint;
  CheckpointCoordinator::Setup setup;
  setup.config = {settings.interval, settings.timeout, settings.min_pause, settings.max_concurrent,
                  settings.tolerable_failures, RestartBudgets(*plan_)};
  setup.subtasks = run_->progress.subtasks();
  for (const auto& [name, incarnation] : run_->taskmanagers) setup.taskmanagers.push_back(name);
  setup.next_id = next_id_;
  setup.ids_reserved = durable_.ids_reserved;
  setup.trigger_at_once = adopted;  // the one under way is lost, and results wait for the next
  run_->coordinator = std::make_unique<CheckpointCoordinator>(std::move(setup));
  Coordinate(event::Started{});
  if (run_ && run_->progress.AllSourcesEnded()) Coordinate(event::SourcesEnded{});
  if (run_ && durable_.stop_requested) Coordinate(event::StopWanted{});
  if (run_ && !savepoint_queue_.empty()) Coordinate(event::SavepointWanted{});
  context_->changed(this, true);
}

void JobMaster::OnTaskManagerLost(const std::string& name, Incarnation incarnation,
                                  const absl::Status& why) {
  if (adoption_) {
    adoption_->OnLost(name);
    return MaybeAdopt();
  }
  if (!run_ || !run_->deployed) return;
  auto it = run_->taskmanagers.find(name);
  if (it == run_->taskmanagers.end() || it->second != incarnation) return;
  FailAttempt(MakeFailure(
      absl::UnavailableError(absl::StrCat("TaskManager `", name, "` is lost: ", why.message())),
      FailureDomain::kExternal, name));
}

void JobMaster::FailAttempt(JobFailure failure) {
  if (!run_ || finishing_) return;
  LogWarning(absl::StrCat("attempt failed: ", failure.where, failure.where.empty() ? "" : ": ",
                          failure.status.message()));
  const bool staged = run_->staged, resolver = run_->resolver;
  failed_attempt_ = run_->number;
  CancelRun();
  context_->changed(this, true);
  if (resolver && !staged) return OnResolverFailed(std::move(failure));
  // A record that ends the job is being put: that settles what comes next.
  if (proposed_.end) return;
  const bool permanent =
      failure.domain == FailureDomain::kUser || (!ran_ && HopelessAtStart(failure.status)) ||
      LossOf(failure.status) != Loss::kNone ||
      (staged && (absl::IsDataLoss(failure.status) || absl::IsFailedPrecondition(failure.status)));
  if (permanent) return End(JobState::kFailed, std::move(failure));
  const std::optional<SteadyMicros> delay = restarts_.OnFailure();
  if (!delay) {
    const int failures = restarts_.failures();
    if (failures > 0) {
      failure.status = absl::Status(failure.status.code(),
                                    absl::StrCat(failure.status.message(), " (after ", failures,
                                                 " restarts without a completed checkpoint)"));
    }
    return End(JobState::kFailed, std::move(failure));
  }
  if (!staged) ran_ = true;
  Log("restarts", {{"delay_ms", absl::StrCat(*delay / 1000)}});
  BeginAttempt(staged ? Next::kResolve : Next::kRun, *delay, [&](JobRecord& r) {
    ++r.restarts;
    r.failure = std::move(failure);
  });
}

void JobMaster::OnCorrupt(JobFailure failure) {
  constexpr char kName[] = "CHECKPOINT_CORRUPT";
  const std::string message(failure.status.message());
  failure.status = absl::DataLossError(
      !absl::StrContains(message, kName) ? absl::StrCat(kName, ": ", message) : message);
  CancelRun();
  if (plan_->spec->guarantee == job::Guarantee::kAtLeastOnce && proposed_.retained.size() > 1) {
    LogWarning(absl::StrCat(failure.status.message(), "; falls back to checkpoint ",
                            proposed_.retained[proposed_.retained.size() - 2].id.value));
    BeginAttempt(Next::kRun, 0, [&](JobRecord& r) {
      r.retained.pop_back();
      ++r.restarts;
      r.failure = std::move(failure);
    });
    return;
  }
  End(JobState::kFailed, std::move(failure));
}

}  // namespace weir::jobmanager
