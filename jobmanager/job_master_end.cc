// JobMaster: every end is an attempt of its own, which resolves and sweeps (design.md 5.9).

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/known_bug.h"
#include "jobmanager/checkpoint_files.h"
#include "jobmanager/job_master.h"

namespace weir::jobmanager {

using control::SubtaskState;

namespace {

constexpr SteadyMicros kCopyRetry = 1'000'000;
/// How long the last sweep of a job waits for tasks that were told to end.
constexpr SteadyMicros kEndPatience = 3'000'000;

}  // namespace

void JobMaster::End(JobState end, std::optional<JobFailure> failure) {
  const auto change = [end, failure](JobRecord& r) {
    r.end = end;
    if (failure) r.failure = failure;
  };
  // Before checkpoint 0 is recorded no source has read and no sink has written: nothing is to be
  // resolved.
  if (proposed_.state == JobState::kCreated) {
    CancelRun();
    return FinishEnd(end, std::move(failure), {});
  }
  BeginAttempt(Next::kResolve, 0, [change](JobRecord& r) {
    change(r);
    r.state = JobState::kStopping;
  });
  ArmEndDeadline();
}

void JobMaster::BeginEnd() {
  if (WEIR_KNOWN_BUG("FLINK-21132")) return FinishEnd(*proposed_.end, std::nullopt, {});
  BeginAttempt(Next::kResolve, 0, [](JobRecord& r) { r.state = JobState::kStopping; });
  ArmEndDeadline();
}

void JobMaster::ArmEndDeadline() {
  const JobState end = *proposed_.end;
  if (end != JobState::kCancelled && end != JobState::kFailed) return;
  After(plan_->spec->checkpoint.timeout, [this, end] {
    if (ended() || finishing_ || proposed_.end != end) return;
    // Nobody was asked to resolve while the metadata store did not take the record; and a checkpoint
    // recorded before it may have handles that are not known yet.
    if (durable_.state != JobState::kStopping) return ArmEndDeadline();
    LogWarning(
        "transactions are not resolved in time; they are shown in `status`, and their checkpoint "
        "is kept");
    FinishEnd(end, proposed_.failure, Pending());
  });
}

void JobMaster::ExpectEnds() {
  ending_.clear();
  ending_attempt_ = run_->number;
  ending_until_ = context_->now() + kEndPatience;
  for (const control::SubtaskPlacement& placed : run_->placements) {
    if (run_->progress.state(placed.subtask) < SubtaskState::kEnded) {
      ending_[placed.subtask] = {placed.taskmanager, placed.incarnation};
    }
  }
}

void JobMaster::OnOldTask(const control::SubtaskStateChanged& m) {
  if (m.fence.attempt != ending_attempt_ || m.state < SubtaskState::kEnded) return;
  if (ending_.erase(m.subtask) > 0 && ending_.empty() && run_ && run_->deployed) MaybeAdvance();
}

bool JobMaster::WaitsForOldTasks() {
  if (!run_->resolver || run_->staged || run_->progress.phase() != AttemptProgress::Phase::kRestoring) return false;
  std::erase_if(ending_, [this](const auto& item) {
    for (const auto& [id, session] : context_->registry->sessions()) {
      if (session.reg.name == item.second.first && session.reg.incarnation == item.second.second) return false;
    }
    return true;  // its process is gone, and it with it
  });
  if (ending_.empty() || context_->now() >= ending_until_) return false;
  After(ending_until_ - context_->now(), [this, attempt = run_->number] {
    if (IsCurrent(attempt) && run_->deployed) MaybeAdvance();
  });
  return true;
}

void JobMaster::OnResolved() {
  Log("resolved and swept");
  handles_.clear();
  if (proposed_.end == JobState::kStopped && proposed_.stop_savepoint) return CopyStopSavepoint();
  FinishEnd(*proposed_.end, proposed_.failure, {});
}

void JobMaster::CopyStopSavepoint() {
  const CheckpointId id = *proposed_.stop_savepoint;
  std::optional<CompletedCheckpoint> from;
  for (const CompletedCheckpoint& done : proposed_.retained) {
    if (done.id == id) from = done;
  }
  if (!from) return FinishEnd(JobState::kStopped, std::nullopt, {});
  const Attempt attempt = run_->number;
  runtime::RunThen<absl::StatusOr<checkpoint::FileRef>>(
      context_->parts.background, context_->parts.loop,
      [storage = storage_, manifest = from->manifest] {
        return jobmanager::CopySavepoint(*storage, manifest);
      },
      [self = shared_from_this(), attempt,
       done = *from](absl::StatusOr<checkpoint::FileRef> file) mutable {
        if (!self->IsCurrent(attempt) || self->finishing_ ||
            self->proposed_.end != JobState::kStopped)
          return;
        if (!file.ok() && absl::IsDataLoss(file.status())) {
          return self->FinishEnd(
              JobState::kFailed,
              self->MakeFailure(absl::DataLossError(
                                    absl::StrCat("CHECKPOINT_CORRUPT: ", file.status().message())),
                                control::FailureDomain::kInternal, "savepoint"),
              {});
        }
        if (!file.ok()) {
          self->LogWarning(
              absl::StrCat("savepoint not written, trying again: ", file.status().message()));
          return self->After(kCopyRetry, [self = self.get(), attempt] {
            if (self->IsCurrent(attempt) && !self->finishing_ &&
                self->proposed_.end == JobState::kStopped) {
              self->CopyStopSavepoint();
            }
          });
        }
        done.manifest = *file;
        done.attempt = attempt;
        done.completed_at_ms = self->context_->wall_ms();
        self->Propose([&](JobRecord& r) { r.savepoints.push_back(done); }, nullptr);
        self->FinishEnd(JobState::kStopped, std::nullopt, {});
      });
}

void JobMaster::OnResolverFailed(JobFailure failure) {
  const bool permanent = failure.domain == control::FailureDomain::kUser ||
                         absl::IsDataLoss(failure.status) || absl::IsFailedPrecondition(failure.status) ||
                         absl::IsInvalidArgument(failure.status);
  if (!permanent) {
    const std::optional<SteadyMicros> delay = resolver_restarts_.OnFailure();
    BeginAttempt(Next::kResolve, delay.value_or(0), [&](JobRecord& r) {
      // Shown while it is tried again; the cause of an end in FAILED stays.
      if (r.end != JobState::kFailed) r.failure = std::move(failure);
    });
    return;
  }
  const JobState end = *proposed_.end;
  if (end == JobState::kFailed || end == JobState::kCancelled) {
    LogWarning(
        "transactions cannot be resolved; they are shown in `status`, and their checkpoint is "
        "kept");
    return FinishEnd(end, proposed_.failure, Pending());
  }
  FinishEnd(JobState::kFailed, std::move(failure), Pending());
}

void JobMaster::FinishEnd(JobState end, std::optional<JobFailure> failure,
                          std::vector<PendingHandle> pending) {
  if (finishing_) return;
  finishing_ = true;
  Propose(
      [&](JobRecord& r) {
        r.state = end;
        r.end = end;
        r.failure = end == JobState::kFailed ? std::move(failure) : std::nullopt;
        r.pending = std::move(pending);
        r.ended_at_ms = context_->wall_ms();
        r.staged.reset();
      },
      [this] {
        const auto self = shared_from_this();
        CancelRun();
        if (durable_.failure) {
          LogWarning(
              absl::StrCat(ToString(durable_.state), ": ", durable_.failure->status.message()));
        } else {
          Log(ToString(durable_.state));
        }
        AnswerAll();
        context_->ended(this);
      });
}

void JobMaster::AnswerAll() {
  const std::string what =
      absl::StrCat("job `", durable_.name, "` is ", ToString(durable_.state),
                   durable_.failure ? absl::StrCat(": ", durable_.failure->status.message()) : "");
  if (submit_done_) {
    auto done = std::move(submit_done_);
    submit_done_ = nullptr;
    const absl::Status why =
        durable_.failure ? durable_.failure->status : absl::CancelledError(what);
    // Whatever stopped it: it was refused before it ran.
    done(absl::IsResourceExhausted(why) ? why : absl::FailedPreconditionError(why.message()));
  }
  const bool stopped = durable_.state == JobState::kStopped && !durable_.savepoints.empty();
  auto answer = [&](std::vector<Done<CheckpointInfo>> waiters) {
    for (auto& done : waiters) {
      if (stopped) {
        done(InfoOf(durable_.savepoints.back()));
      } else {
        done(absl::AbortedError(what));
      }
    }
  };
  answer(std::move(stop_waiters_));
  stop_waiters_.clear();
  answer(std::move(savepoint_queue_));
  savepoint_queue_.clear();
  for (auto& done : std::move(cancel_waiters_)) {
    if (durable_.state == JobState::kCancelled) {
      done(Status());
    } else {
      done(absl::AbortedError(what));
    }
  }
  cancel_waiters_.clear();
}

}  // namespace weir::jobmanager
