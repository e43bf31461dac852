#include "jobmanager/job_master.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/checkpoint/paths.h"
#include "jobmanager/checkpoint_files.h"

namespace weir::jobmanager {
namespace {

constexpr size_t kMaxSavepointWaiters = 100;

job::RestartSettings SettingsOf(const plan::ExecutionPlan* plan) {
  return plan != nullptr ? plan->spec->restart : job::RestartSettings{};
}

/// Ends are retried for as long as they take; the deadline of CANCELLED and FAILED is apart from
/// it.
job::RestartSettings ResolverSettings() {
  job::RestartSettings settings;
  settings.max_delay = 10'000'000;
  settings.max_attempts = 1'000'000'000;
  return settings;
}

}  // namespace

JobMaster::JobMaster(JobContext* context, JobRecord record, std::string spec,
                     std::shared_ptr<const plan::ExecutionPlan> plan)
    : context_(context),
      spec_(std::move(spec)),
      plan_(std::move(plan)),
      writer_(std::make_shared<RecordWriter>(context->parts.loop, context->parts.io,
                                             context->parts.store, context->parts.on_deposed)),
      durable_(record),
      proposed_(std::move(record)),
      restarts_(SettingsOf(plan_.get())),
      resolver_restarts_(ResolverSettings()),
      next_id_(durable_.ids_reserved) {}

void JobMaster::Propose(const std::function<void(JobRecord&)>& change, std::function<void()> then,
                        bool checkpoint) {
  change(proposed_);
  proposed_.epoch = context_->epoch;
  writer_->Put(proposed_, checkpoint,
               [self = shared_from_this(), record = proposed_, then = std::move(then)]() mutable {
                 self->durable_ = std::move(record);
                 if (then) then();
               });
}

void JobMaster::After(SteadyMicros delay, std::function<void()> then) {
  context_->parts.loop->PostAt(context_->now() + delay,
                               [weak = weak_from_this(), then = std::move(then)] {
                                 if (auto self = weak.lock()) then();
                               });
}

void JobMaster::Log(const std::string& message,
                    std::vector<std::pair<std::string_view, std::string>> more) const {
  log::Fields fields{{"job", proposed_.name}, {"attempt", absl::StrCat(proposed_.attempt.value)}};
  for (auto& field : more) fields.push_back(std::move(field));
  log::Info(message, fields);
}

void JobMaster::LogWarning(const std::string& message) const {
  log::Warning(message,
               {{"job", proposed_.name}, {"attempt", absl::StrCat(proposed_.attempt.value)}});
}

JobFailure JobMaster::MakeFailure(absl::Status why, control::FailureDomain domain,
                                  std::string where) const {
  return {std::move(why), domain, std::move(where), context_->wall_ms()};
}

JobState JobMaster::state() const {
  if (ended()) return durable_.state;
  if (proposed_.end) return JobState::kStopping;
  if (run_ && run_->progress.phase() == AttemptProgress::Phase::kRunning) return JobState::kRunning;
  if (ran_) return JobState::kRestarting;
  return run_ && run_->deployed ? JobState::kDeploying : JobState::kCreated;
}

CheckpointInfo JobMaster::InfoOf(const CompletedCheckpoint& done) const {
  CheckpointInfo info{
      done.id,          done.attempt,   done.savepoint, done.manifest.path, done.completed_at_ms,
      done.duration_ms, done.size_bytes};
  // A savepoint is named by its folder.
  if (const std::string folder = checkpoint::SavepointFolder(durable_.id, done.id);
      info.path.starts_with(folder)) {
    info.path = folder;
  }
  if (storage_) {
    info.path = storage_->UserPath(info.path);
  } else {
    info.path = durable_.storage + "/" + info.path;
  }
  return info;
}

JobStatus JobMaster::Status() const {
  JobStatus status;
  status.id = durable_.id;
  status.name = durable_.name;
  status.state = state();
  if (plan_) {
    status.guarantee = std::string(job::ToString(plan_->spec->guarantee));
    status.slots_needed = plan_->slots;
  }
  status.attempt = proposed_.attempt;
  status.restarts = proposed_.restarts;
  if (!durable_.retained.empty() && durable_.retained.back().id.value > 0) {
    status.last_checkpoint = InfoOf(durable_.retained.back());
  }
  status.checkpoints_completed = checkpoints_completed_;
  status.checkpoints_failed = checkpoints_failed_;
  status.failure = ended() ? durable_.failure : proposed_.failure;
  status.tasks = last_tasks_;
  if (run_) {
    status.waiting_for_slots = run_->waiting_for_slots;
    status.checkpoints_of_attempt = run_->checkpoints;
    if (!run_->resolver && run_->deployed) {
      status.tasks.clear();
      for (const control::SubtaskPlacement& placement : run_->placements) {
        SubtaskStatus task{NameOf(placement.subtask),
                           placement.subtask,
                           run_->progress.state(placement.subtask),
                           placement.taskmanager,
                           {}};
        if (auto it = run_->metrics.find(placement.subtask); it != run_->metrics.end())
          task.metrics = it->second;
        status.tasks.push_back(std::move(task));
      }
    }
  }
  status.pending = ended() ? durable_.pending : Pending();
  for (const CompletedCheckpoint& savepoint : durable_.savepoints)
    status.savepoints.push_back(InfoOf(savepoint));
  status.submitted_at_ms = durable_.submitted_at_ms;
  status.ended_at_ms = durable_.ended_at_ms;
  return status;
}

JobSummary JobMaster::Summary() const {
  JobSummary summary{durable_.id,
                     durable_.name,
                     state(),
                     proposed_.attempt,
                     durable_.submitted_at_ms,
                     durable_.ended_at_ms,
                     ""};
  const auto& failure = ended() ? durable_.failure : proposed_.failure;
  if (failure) summary.failure = std::string(failure->status.message());
  return summary;
}

std::vector<CheckpointInfo> JobMaster::Checkpoints() const {
  std::vector<CheckpointInfo> list;
  for (const CompletedCheckpoint& done : durable_.retained) {
    if (done.id.value > 0) list.push_back(InfoOf(done));
  }
  for (const CompletedCheckpoint& savepoint : durable_.savepoints)
    list.push_back(InfoOf(savepoint));
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.id < b.id; });
  return list;
}

JobTransactions JobMaster::Transactions() const {
  JobTransactions answer;
  answer.id = durable_.id;
  answer.name = durable_.name;
  answer.at_ms = context_->wall_ms();
  if (!ended()) {
    answer.transactions = transactions_.List(Pending(), durable_.last_id);
    answer.sinks = transactions_.Reports();
    return answer;
  }
  for (const PendingHandle& pending : durable_.pending) {
    JobTransaction one;
    one.sink = pending.sink;
    one.subtask = pending.owner_subtask;
    one.state = JobTransaction::State::kUnresolved;
    one.checkpoint = pending.checkpoint;
    one.deadline_ms = pending.deadline_ms;
    answer.transactions.push_back(std::move(one));
  }
  return answer;
}

void JobMaster::Cancel(Done<JobStatus> done) {
  if (ended()) {
    done(absl::FailedPreconditionError(
        absl::StrCat("job `", durable_.name, "` has ended already: ", ToString(durable_.state))));
    return;
  }
  cancel_waiters_.push_back(std::move(done));
  const auto end = proposed_.end;
  if (end == JobState::kCancelled || end == JobState::kFailed || finishing_) return;
  Log("cancel requested");
  End(JobState::kCancelled, std::nullopt);
}

void JobMaster::Stop(Done<CheckpointInfo> done) {
  if (ended() || (proposed_.end && proposed_.end != JobState::kStopped)) {
    done(absl::FailedPreconditionError(absl::StrCat("job `", durable_.name, "` is ",
                                                    ToString(state()), " and cannot be stopped")));
    return;
  }
  stop_waiters_.push_back(std::move(done));
  if (proposed_.stop_requested) return;
  Log("stop requested");
  Propose([](JobRecord& r) { r.stop_requested = true; },
          [this] { Coordinate(coordinator_event::StopWanted{}); });
}

void JobMaster::Savepoint(Done<CheckpointInfo> done) {
  if (ended() || proposed_.end) {
    done(absl::FailedPreconditionError(absl::StrCat(
        "job `", durable_.name, "` is ", ToString(state()), ": no savepoint can be taken")));
    return;
  }
  if (savepoint_queue_.size() >= kMaxSavepointWaiters) {
    done(absl::ResourceExhaustedError(
        absl::StrCat("too many savepoints of job `", durable_.name, "` are being waited for")));
    return;
  }
  savepoint_queue_.push_back(std::move(done));
  Coordinate(coordinator_event::SavepointWanted{});
}

void JobMaster::Forget() {
  context_->parts.background->Run([storage = storage_, store = context_->parts.store,
                                   id = durable_.id, name = durable_.name,
                                   open = context_->parts.open_storage, uri = durable_.storage] {
    std::shared_ptr<checkpoint::Storage> s = storage;
    if (!s) {
      auto opened = open(uri, false);
      if (opened.ok()) s = *opened;
    }
    for (const std::string& folder : {checkpoint::StateRoot(id), checkpoint::ManifestRoot(id)}) {
      if (!s) break;
      auto paths = ListBelow(*s, folder);
      if (!paths.ok()) continue;
      for (const std::string& path : *paths) (void)s->Delete(path);
    }
    if (absl::Status status = store->Delete(id); !status.ok()) {
      log::Warning(
          std::string("record of an ended job not deleted: ") + std::string(status.message()),
          {{"job", name}});
    }
  });
}

}  // namespace weir::jobmanager
