#include "jobmanager/checkpoint/checkpoint_coordinator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/known_bug.h"

namespace weir::jobmanager {
namespace {

namespace event = coordinator_event;
namespace action = coordinator_action;

/// Behind a failure nothing is triggered for so long, or a final checkpoint that cannot work would
/// spin.
constexpr SteadyMicros kPauseBehindFailure = 100'000;
constexpr SteadyMicros kProbeRetry = 500'000;

bool HasHandles(const checkpoint::SubtaskSnapshot& snapshot) {
  return std::any_of(snapshot.operators.begin(), snapshot.operators.end(),
                     [](const checkpoint::OperatorSnapshot& op) { return !op.handles.empty(); });
}

}  // namespace

const char* ToString(Purpose purpose) {
  switch (purpose) {
    case Purpose::kPeriodic:
      return "periodic";
    case Purpose::kSavepoint:
      return "savepoint";
    case Purpose::kStop:
      return "stop";
    case Purpose::kFinal:
      return "final";
  }
  return "unknown";
}

CheckpointCoordinator::CheckpointCoordinator(Setup setup)
    : config_(setup.config),
      subtasks_(setup.subtasks.begin(), setup.subtasks.end()),
      taskmanagers_(std::move(setup.taskmanagers)),
      trigger_at_once_(setup.trigger_at_once),
      next_id_(setup.next_id),
      ids_reserved_(setup.ids_reserved) {}

std::vector<CoordinatorAction> CheckpointCoordinator::Step(const CoordinatorEvent& event,
                                                           SteadyMicros now, int64_t wall_ms) {
  now_ = now;
  wall_ms_ = wall_ms;
  actions_.clear();
  if (!failed_) std::visit([this](const auto& e) { On(e); }, event);
  Advance();
  return std::move(actions_);
}

void CheckpointCoordinator::On(const event::Started&) {
  running_ = true;
  periodic_due_ = trigger_at_once_ ? now_ : now_ + config_.interval;
  last_end_ = now_ - config_.min_pause;
  last_complete_ = now_;
}

void CheckpointCoordinator::On(const event::IdsReserved& e) {
  reserving_ = false;
  ids_reserved_ = std::max(ids_reserved_, e.until);
}

void CheckpointCoordinator::On(const event::TriggerFailed& e) {
  auto it = pending_.find(e.id);
  if (it != pending_.end() && it->second.stage == Stage::kCollecting) Abort(it, e.why, false);
}

void CheckpointCoordinator::On(const event::Acked& e) {
  auto it = pending_.find(e.ack.checkpoint);
  if (it == pending_.end() || it->second.stage != Stage::kCollecting) return;
  Pending& pending = it->second;
  if (!subtasks_.contains(e.ack.snapshot.subtask)) return;
  if (!pending.acks.emplace(e.ack.snapshot.subtask, e.ack.snapshot).second) return;
  pending.size_bytes += e.ack.state_bytes;
  if (pending.acks.size() < subtasks_.size()) return;
  auto all = std::make_shared<std::vector<checkpoint::SubtaskSnapshot>>();
  for (auto& [subtask, snapshot] : pending.acks) all->push_back(std::move(snapshot));
  pending.acks.clear();
  pending.subtasks = std::move(all);
  pending.stage = Stage::kAcknowledged;
}

void CheckpointCoordinator::On(const event::Declined& e) {
  auto it = pending_.find(e.id);
  if (it == pending_.end() || it->second.stage != Stage::kCollecting) return;
  Abort(it,
        absl::Status(e.reason.code(), absl::StrCat("declined by subtask ", e.subtask.task, "/",
                                                   e.subtask.index, ": ", e.reason.message())),
        e.storage_failed);
}

std::optional<absl::Status> CheckpointCoordinator::HandleTooOld(const Pending& pending) const {
  for (const auto& subtask : *pending.subtasks) {
    for (const auto& op : subtask.operators) {
      const auto own = config_.restart_budgets_ms.find(op.node);
      const int64_t budget_ms =
          own != config_.restart_budgets_ms.end() ? own->second : CheckpointConfig::kRestartBudgetMs;
      for (const auto& handle : op.handles) {
        if (handle.deadline_ms == 0 || handle.deadline_ms - wall_ms_ >= budget_ms) continue;
        return absl::DeadlineExceededError(
            absl::StrCat("a transaction of sink `", op.node, "` sealed at checkpoint ",
                         handle.checkpoint.value, " ends in ", handle.deadline_ms - wall_ms_,
                         " ms, nearer than the restart budget of ", budget_ms,
                         " ms: the attempt goes back to the last complete checkpoint"));
      }
    }
  }
  return std::nullopt;
}

void CheckpointCoordinator::On(const event::ManifestWritten& e) {
  auto it = pending_.find(e.id);
  if (it == pending_.end() || it->second.stage != Stage::kWriting) return;
  Pending& pending = it->second;
  if (auto too_old = HandleTooOld(pending)) {
    failed_ = true;
    actions_.push_back(action::FailAttempt{*too_old});
    return;
  }
  pending.stage = Stage::kRecording;
  if (EndsJob(pending.purpose)) ending_ = true;
  if (WEIR_KNOWN_BUG("notify-before-record")) actions_.push_back(action::NotifyComplete{e.id});
  actions_.push_back(action::PutRecord{e.id, pending.purpose, e.file, now_ - pending.triggered_at,
                                       pending.size_bytes, pending.subtasks});
}

void CheckpointCoordinator::On(const event::ManifestFailed& e) {
  auto it = pending_.find(e.id);
  if (it == pending_.end() || it->second.stage != Stage::kWriting) return;
  Abort(it, absl::Status(e.why.code(), absl::StrCat("the manifest: ", e.why.message())), true);
}

void CheckpointCoordinator::On(const event::Recorded& e) {
  auto it = pending_.find(e.id);
  if (it == pending_.end() || it->second.stage != Stage::kRecording) return;
  const Pending done = std::move(it->second);
  pending_.erase(it);
  last_end_ = last_complete_ = now_;
  failures_in_row_ = 0;
  if (EndsJob(done.purpose)) {
    // The resolver attempt commits; the subtasks of this one are cancelled.
    pending_.clear();
    return;
  }
  actions_.push_back(action::NotifyComplete{e.id});
  while (!pending_.empty() && pending_.begin()->first < e.id) {
    if (WEIR_KNOWN_BUG("older-recorded-after-newer")) break;
    Pending older = std::move(pending_.begin()->second);
    const bool again = older.purpose == Purpose::kSavepoint;
    actions_.push_back(action::NotifyAborted{
        pending_.begin()->first, older.purpose,
        absl::AbortedError(absl::StrCat("checkpoint ", e.id.value, " was complete before it")),
        again});
    savepoint_wanted_ |= again;
    pending_.erase(pending_.begin());
  }
  if (done.purpose != Purpose::kSavepoint) return;
  std::set<SubtaskId> open;
  for (const auto& subtask : *done.subtasks) {
    auto confirmed = confirmed_.find(subtask.subtask);
    if (HasHandles(subtask) && (confirmed == confirmed_.end() || confirmed->second < e.id))
      open.insert(subtask.subtask);
  }
  if (open.empty()) {
    actions_.push_back(action::CommitsConfirmed{e.id});
  } else {
    unconfirmed_[e.id] = std::move(open);
  }
}

void CheckpointCoordinator::On(const event::Confirmed& e) {
  CheckpointId& last = confirmed_[e.subtask];
  last = std::max(last, e.id);
  for (auto it = unconfirmed_.begin(); it != unconfirmed_.end() && it->first <= e.id;) {
    it->second.erase(e.subtask);
    if (!it->second.empty()) {
      ++it;
      continue;
    }
    actions_.push_back(action::CommitsConfirmed{it->first});
    it = unconfirmed_.erase(it);
  }
}

void CheckpointCoordinator::On(const event::Probed& e) {
  if (!probing_ || e.probe != probe_ || probes_open_.erase(e.participant) == 0) return;
  if (!e.result.ok()) {
    probe_failed_ = true;
    probe_retry_ = std::min(probe_retry_, now_ + kProbeRetry);
  } else if (probes_open_.empty() && !probe_failed_) {
    probing_ = false;
  }
}

void CheckpointCoordinator::StartProbe() {
  probing_ = true;
  probe_failed_ = false;
  ++probe_;
  probes_open_ = std::set<std::string>(taskmanagers_.begin(), taskmanagers_.end());
  probes_open_.insert("");
  probe_retry_ = now_ + std::max(config_.timeout, kProbeRetry);
  actions_.push_back(action::Probe{probe_});
}

void CheckpointCoordinator::Abort(std::map<CheckpointId, Pending>::iterator it,
                                  const absl::Status& why, bool storage_failed) {
  actions_.push_back(action::NotifyAborted{it->first, it->second.purpose, why});
  pending_.erase(it);
  last_end_ = now_;
  not_before_ = now_ + kPauseBehindFailure;
  if (!storage_failed) {
    ++failures_in_row_;
  } else if (!probing_) {
    StartProbe();
  }
}

void CheckpointCoordinator::WakeAt(SteadyMicros at) {
  if (!next_wake_ || at < *next_wake_) next_wake_ = at;
}

void CheckpointCoordinator::Advance() {
  next_wake_.reset();
  if (failed_ || !running_) return;
  ExpirePending();
  if (probing_) {
    if (probe_retry_ <= now_) StartProbe();
    WakeAt(probe_retry_);
  }
  WriteNext();
  MaybeFailAttempt();
  if (failed_) return;
  MaybeTrigger();
  for (const auto& [id, pending] : pending_) {
    if (pending.stage == Stage::kCollecting) WakeAt(pending.triggered_at + config_.timeout);
  }
}

void CheckpointCoordinator::ExpirePending() {
  for (auto it = pending_.begin(); it != pending_.end();) {
    auto next = std::next(it);
    Pending& pending = it->second;
    if (pending.stage == Stage::kCollecting && now_ >= pending.triggered_at + config_.timeout) {
      std::string missing;
      for (const SubtaskId& subtask : subtasks_) {
        if (pending.acks.contains(subtask)) continue;
        absl::StrAppend(&missing, missing.empty() ? "" : ", ", subtask.task, "/", subtask.index);
        if (missing.size() > 200) break;
      }
      Abort(it,
            absl::DeadlineExceededError(absl::StrCat(
                "not acknowledged within ", config_.timeout / 1000, " ms by subtasks ", missing)),
            false);
    }
    it = next;
  }
}

void CheckpointCoordinator::WriteNext() {
  // One at a time, the lowest first: records are accepted only for greater ids, and none is passed
  // over.
  for (auto& [id, pending] : pending_) {
    if (pending.stage == Stage::kWriting || pending.stage == Stage::kRecording) return;
  }
  if (WEIR_KNOWN_BUG("older-recorded-after-newer")) {
    for (auto it = pending_.rbegin(); it != pending_.rend(); ++it) {
      if (it->second.stage != Stage::kAcknowledged) continue;
      it->second.stage = Stage::kWriting;
      actions_.push_back(action::WriteManifest{it->first, it->second.purpose, it->second.subtasks});
      return;
    }
  }
  for (auto& [id, pending] : pending_) {
    if (pending.stage != Stage::kAcknowledged) continue;
    pending.stage = Stage::kWriting;
    actions_.push_back(action::WriteManifest{id, pending.purpose, pending.subtasks});
    return;
  }
}

void CheckpointCoordinator::MaybeFailAttempt() {
  if (failures_in_row_ <= config_.tolerable_failures || ending_) return;
  if (now_ < last_complete_ + config_.timeout) {
    WakeAt(last_complete_ + config_.timeout);
    return;
  }
  failed_ = true;
  actions_.push_back(action::FailAttempt{absl::AbortedError(
      absl::StrCat(failures_in_row_, " checkpoints in a row failed; tolerable_failures is ",
                   config_.tolerable_failures))});
}

void CheckpointCoordinator::MaybeTrigger() {
  if (ending_ || probing_) return;
  for (const auto& [id, pending] : pending_) {
    if (EndsJob(pending.purpose)) return;
  }
  if (static_cast<int>(pending_.size()) >= config_.max_concurrent) return;

  Purpose purpose = Purpose::kPeriodic;
  SteadyMicros due = std::max(periodic_due_, last_end_ + config_.min_pause);
  if (stop_wanted_ || sources_ended_ || savepoint_wanted_) {
    purpose = stop_wanted_     ? Purpose::kStop
              : sources_ended_ ? Purpose::kFinal
                               : Purpose::kSavepoint;
    due = now_;
  }
  due = std::max(due, not_before_);
  if (due > now_) {
    WakeAt(due);
    return;
  }
  if (next_id_.value + kIdBlock / 2 >= ids_reserved_.value && !reserving_) {
    reserving_ = true;
    actions_.push_back(
        action::ReserveIds{CheckpointId(std::max(next_id_, ids_reserved_).value + kIdBlock)});
  }
  if (next_id_ >= ids_reserved_) return;  // until IdsReserved

  const CheckpointId id = next_id_;
  next_id_ = CheckpointId(id.value + 1);
  Pending& pending = pending_[id];
  pending.purpose = purpose;
  pending.triggered_at = now_;
  periodic_due_ = now_ + config_.interval;
  if (purpose == Purpose::kSavepoint) savepoint_wanted_ = false;
  actions_.push_back(action::SendTrigger{id, purpose});
  // Another may be due at once, such as a savepoint beside a periodic one.
  MaybeTrigger();
}

}  // namespace weir::jobmanager
