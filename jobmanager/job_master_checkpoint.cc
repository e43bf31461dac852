// JobMaster: carries out what the CheckpointCoordinator decides, and looks after the files.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/log/log.h"
#include "common/checkpoint/paths.h"
#include "jobmanager/checkpoint_files.h"
#include "jobmanager/job_master.h"

namespace weir::jobmanager {

namespace action = coordinator_action;
namespace event = coordinator_event;

void JobMaster::Coordinate(const CoordinatorEvent& e) {
  if (!run_ || !run_->coordinator) return;
  const Attempt attempt = run_->number;
  for (const CoordinatorAction& a :
       run_->coordinator->Step(e, context_->now(), context_->wall_ms())) {
    std::visit([this](const auto& what) { Do(what); }, a);
    if (!IsCurrent(attempt)) return;
  }
  ArmWake();
}

void JobMaster::ArmWake() {
  context_->parts.loop->Cancel(run_->wake);
  run_->wake = 0;
  const std::optional<SteadyMicros> at = run_->coordinator->NextWake();
  if (!at) return;
  run_->wake = context_->parts.loop->PostAt(*at, [weak = weak_from_this(), attempt = run_->number] {
    auto self = weak.lock();
    if (self && self->IsCurrent(attempt)) self->Coordinate(event::TimePassed{});
  });
}

void JobMaster::Do(const action::ReserveIds& a) {
  Propose([&](JobRecord& r) { r.ids_reserved = std::max(r.ids_reserved, a.until); },
          [this, until = a.until, attempt = run_->number] {
            if (IsCurrent(attempt)) Coordinate(event::IdsReserved{until});
          });
}

void JobMaster::Do(const action::SendTrigger& a) {
  if (a.purpose == Purpose::kSavepoint) {
    open_savepoints_[a.id].waiters = std::move(savepoint_queue_);
    savepoint_queue_.clear();
  }
  if (absl::Status status = WEIR_FAILPOINT("before_trigger"); !status.ok()) {
    // As an event of its own: the coordinator's actions are still being carried out.
    context_->parts.loop->Post(
        [weak = weak_from_this(), attempt = run_->number, id = a.id, status] {
          auto self = weak.lock();
          if (self && self->IsCurrent(attempt)) self->Coordinate(event::TriggerFailed{id, status});
        });
    return;
  }
  const control::TriggerCheckpoint trigger{
      {context_->epoch, durable_.id, run_->number},
      a.id,
      plan_->spec->checkpoint.timeout / 1000,
      a.purpose == Purpose::kSavepoint || a.purpose == Purpose::kStop};
  std::set<std::string> with_sources;
  for (const control::SubtaskPlacement& placement : run_->placements) {
    if (run_->progress.IsSource(placement.subtask)) with_sources.insert(placement.taskmanager);
  }
  for (const std::string& name : with_sources)
    context_->send(name, run_->taskmanagers[name], trigger);
  if (absl::Status status = WEIR_FAILPOINT("after_trigger"); !status.ok())
    LogWarning(std::string(status.message()));
}

void JobMaster::Do(const action::WriteManifest& a) {
  checkpoint::Manifest manifest;
  manifest.job = durable_.id;
  manifest.job_name = durable_.name;
  manifest.id = a.id;
  manifest.attempt = run_->number;
  manifest.epoch = context_->epoch;
  manifest.savepoint = a.purpose == Purpose::kSavepoint || a.purpose == Purpose::kStop;
  manifest.completed_at_ms = context_->wall_ms();
  manifest.max_parallelism = plan_->max_parallelism;
  manifest.state_layouts = plan::StateLayouts(*plan_);
  manifest.sources = sources_;
  const std::string path =
      checkpoint::ManifestPath(durable_.id, a.id, context_->epoch, run_->number);
  runtime::RunThen<absl::StatusOr<checkpoint::FileRef>>(
      context_->parts.io, context_->parts.loop,
      [storage = storage_, path, manifest = std::move(manifest), subtasks = a.subtasks]() mutable {
        manifest.subtasks = *subtasks;
        return WriteManifest(*storage, path, manifest);
      },
      [weak = weak_from_this(), attempt = run_->number,
       id = a.id](absl::StatusOr<checkpoint::FileRef> file) {
        auto self = weak.lock();
        if (!self || !self->IsCurrent(attempt)) return;
        if (file.ok()) {
          self->Coordinate(event::ManifestWritten{id, *file});
        } else {
          self->Coordinate(event::ManifestFailed{id, file.status()});
        }
      });
}

void JobMaster::Do(const action::PutRecord& a) {
  CompletedCheckpoint done{a.id, run_->number, a.manifest,
                           a.purpose == Purpose::kSavepoint || a.purpose == Purpose::kStop};
  done.completed_at_ms = context_->wall_ms();
  done.duration_ms = a.duration_micros / 1000;
  done.size_bytes = a.size_bytes + static_cast<int64_t>(a.manifest.size_bytes);

  checkpoint::Manifest files_of;
  files_of.subtasks = *a.subtasks;
  std::vector<std::string> files;
  for (const auto& file : checkpoint::FilesOf(files_of)) files.push_back(file.path);
  retention_.Add(a.id, a.manifest.path, std::move(files));
  if (a.purpose == Purpose::kSavepoint) retention_.Hold(a.id);

  const size_t keep = static_cast<size_t>(std::max(1, plan_->spec->checkpoint.keep));
  Propose(
      [&](JobRecord& r) {
        r.last_id = a.id;
        r.retained.push_back(done);
        if (r.retained.size() > keep) r.retained.erase(r.retained.begin(), r.retained.end() - keep);
        if (!EndsJob(a.purpose) || r.end) return;
        r.state = JobState::kStopping;
        r.end = a.purpose == Purpose::kStop ? JobState::kStopped : JobState::kFinished;
        if (a.purpose == Purpose::kStop) r.stop_savepoint = a.id;
      },
      [this, attempt = run_->number, done, purpose = a.purpose, subtasks = a.subtasks] {
        TakeHandles(*subtasks);
        OnRecorded(attempt, done, purpose);
      },
      true);
}

void JobMaster::OnRecorded(Attempt attempt, const CompletedCheckpoint& done, Purpose purpose) {
  ++checkpoints_completed_;
  restarts_.OnProgress();
  Log("checkpoint complete", {{"checkpoint", absl::StrCat(done.id.value)},
                              {"purpose", ToString(purpose)},
                              {"duration_ms", absl::StrCat(done.duration_ms)},
                              {"size_bytes", absl::StrCat(done.size_bytes)}});
  if (purpose == Purpose::kSavepoint) {
    auto open = open_savepoints_.find(done.id);
    if (open != open_savepoints_.end()) {
      open->second.manifest = done.manifest;
      open->second.duration_ms = done.duration_ms;
    } else {
      retention_.Release(done.id);  // its attempt failed meanwhile: who asked gets a later one
    }
  }
  TrimFiles();
  if (IsCurrent(attempt)) {
    if (++run_->checkpoints == 1) SweepOlder(attempt);
    Coordinate(event::Recorded{done.id});
  }
  // A cancel that came meanwhile resolves already.
  if (EndsJob(purpose) && durable_.end && !(run_ && run_->resolver)) {
    BeginEnd();
  } else {
    context_->changed(this, true);
  }
}

void JobMaster::TrimFiles() {
  std::set<CheckpointId> keep;
  for (const CompletedCheckpoint& done : proposed_.retained) keep.insert(done.id);
  for (const CompletedCheckpoint& done : durable_.retained) keep.insert(done.id);
  std::vector<std::string> paths = retention_.Trim(keep);
  if (paths.empty()) return;
  context_->parts.background->Run(
      [storage = storage_, paths = std::move(paths), job = durable_.name] {
        for (const std::string& path : paths) {
          if (absl::Status status = storage->Delete(path); !status.ok()) {
            log::Warning(absl::StrCat("file of an old checkpoint not deleted: ", status.message()),
                         {{"job", job}});
            return;  // the next attempt sweeps it
          }
        }
      });
}

void JobMaster::SweepOlder(Attempt attempt) {
  context_->parts.background->Run([storage = storage_, id = durable_.id, job = durable_.name,
                                   attempt, keep = retention_.Referenced()] {
    auto deleted = SweepOlderAttempts(*storage, id, attempt, keep);
    if (!deleted.ok()) {
      log::Warning(
          absl::StrCat("files of older attempts not deleted: ", deleted.status().message()),
          {{"job", job}});
    }
  });
}

void JobMaster::Do(const action::NotifyComplete& a) {
  const control::CheckpointComplete complete{{context_->epoch, durable_.id, run_->number}, a.id};
  bool first = true;
  for (const auto& [name, incarnation] : run_->taskmanagers) {
    context_->send(name, incarnation, complete);
    if (!first) continue;
    first = false;
    if (absl::Status status = WEIR_FAILPOINT("after_some_notifications"); !status.ok()) {
      LogWarning(std::string(status.message()));
    }
  }
}

void JobMaster::Do(const action::NotifyAborted& a) {
  SendToAll(control::CheckpointAborted{{context_->epoch, durable_.id, run_->number}, a.id});
  auto open = open_savepoints_.find(a.id);
  std::vector<Done<CheckpointInfo>> waiters;
  if (open != open_savepoints_.end()) {
    waiters = std::move(open->second.waiters);
    open_savepoints_.erase(open);
  }
  if (a.again) {
    for (auto& waiter : waiters) savepoint_queue_.push_back(std::move(waiter));
    return;
  }
  ++checkpoints_failed_;
  log::Warning(absl::StrCat("checkpoint failed: ", a.why.message()),
               {{"job", durable_.name},
                {"attempt", absl::StrCat(run_->number.value)},
                {"checkpoint", absl::StrCat(a.id.value)},
                {"purpose", ToString(a.purpose)}});
  for (auto& waiter : waiters)
    waiter(absl::AbortedError(absl::StrCat("the savepoint failed: ", a.why.message())));
  context_->changed(this, true);
}

void JobMaster::Do(const action::Probe& a) {
  SendToAll(control::ProbeStorage{
      {context_->epoch, durable_.id, run_->number}, a.probe, durable_.storage});
  runtime::RunThen<absl::Status>(
      context_->parts.background, context_->parts.loop,
      [storage = storage_] { return storage->Probe(); },
      [weak = weak_from_this(), attempt = run_->number, probe = a.probe](absl::Status result) {
        auto self = weak.lock();
        if (self && self->IsCurrent(attempt))
          self->Coordinate(event::Probed{"", probe, std::move(result)});
      });
}

void JobMaster::Do(const action::FailAttempt& a) {
  FailAttempt(MakeFailure(a.why, control::FailureDomain::kInternal, "checkpoints"));
}

void JobMaster::TakeHandles(const std::vector<checkpoint::SubtaskSnapshot>& subtasks) {
  handles_.clear();
  for (const auto& subtask : subtasks) {
    for (const auto& op : subtask.operators) {
      for (const auto& handle : op.handles) {
        handles_.push_back(
            {subtask.subtask,
             {op.node, handle.checkpoint, handle.owner_subtask, handle.deadline_ms}});
      }
    }
  }
}

std::vector<PendingHandle> JobMaster::Pending() const {
  std::vector<PendingHandle> pending;
  for (const OpenHandle& open : handles_) pending.push_back(open.handle);
  return pending;
}

void JobMaster::OnCommitConfirmed(const control::CommitConfirmed& m) {
  std::erase_if(handles_, [&](const OpenHandle& open) {
    return open.subtask == m.subtask && open.handle.checkpoint <= m.checkpoint;
  });
  Coordinate(event::Confirmed{m.subtask, m.checkpoint});
}

void JobMaster::Do(const action::CommitsConfirmed& a) { CopySavepoint(a.id); }

void JobMaster::CopyResolvedSavepoints() {
  std::vector<CheckpointId> ids;
  for (const auto& [id, open] : open_savepoints_) ids.push_back(id);
  for (CheckpointId id : ids) CopySavepoint(id);
}

void JobMaster::CopySavepoint(CheckpointId id) {
  auto open = open_savepoints_.find(id);
  if (open == open_savepoints_.end() || open->second.manifest.path.empty() || open->second.copying)
    return;
  open->second.copying = true;
  runtime::RunThen<absl::StatusOr<checkpoint::FileRef>>(
      context_->parts.background, context_->parts.loop,
      [storage = storage_, manifest = open->second.manifest] {
        return jobmanager::CopySavepoint(*storage, manifest);
      },
      [self = shared_from_this(), id](absl::StatusOr<checkpoint::FileRef> file) {
        auto open = self->open_savepoints_.find(id);
        if (open == self->open_savepoints_.end()) return;
        OpenSavepoint savepoint = std::move(open->second);
        self->open_savepoints_.erase(open);
        self->retention_.Release(id);
        self->TrimFiles();
        if (!file.ok()) {
          self->LogWarning(
              absl::StrCat("savepoint ", id.value, " not written: ", file.status().message()));
          for (auto& waiter : savepoint.waiters) {
            waiter(absl::AbortedError(
                absl::StrCat("the savepoint could not be written: ", file.status().message())));
          }
          return;
        }
        CompletedCheckpoint done{id, self->proposed_.attempt, *file, true};
        done.completed_at_ms = self->context_->wall_ms();
        done.duration_ms = savepoint.duration_ms;
        done.size_bytes = static_cast<int64_t>(file->size_bytes);
        self->Propose(
            [&](JobRecord& r) { r.savepoints.push_back(done); },
            [self = self.get(), done, waiters = std::move(savepoint.waiters)] {
              self->Log("savepoint written", {{"checkpoint", absl::StrCat(done.id.value)}});
              for (const auto& waiter : waiters) waiter(self->InfoOf(done));
              self->context_->changed(self, true);
            });
      });
}

void JobMaster::RequeueSavepoints() {
  for (auto it = open_savepoints_.begin(); it != open_savepoints_.end();) {
    if (!it->second.manifest.path.empty()) {
      ++it;  // complete: copied when the next attempt has resolved its handles
      continue;
    }
    for (auto& waiter : it->second.waiters) savepoint_queue_.push_back(std::move(waiter));
    it = open_savepoints_.erase(it);
  }
}

}  // namespace weir::jobmanager
