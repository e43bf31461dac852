#include "jobmanager/cluster/taskmanager_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::jobmanager {
namespace {

namespace action = registry_action;
constexpr SteadyMicros kAskForStorageAgain = 1'000'000;

void Append(RegistryActions* to, RegistryActions from) {
  for (auto& a : from) to->push_back(std::move(a));
}

}  // namespace

RegistryActions TaskManagerRegistry::SetStorageId(std::string id) {
  storage_id_ = std::move(id);
  RegistryActions actions;
  for (auto& [session, s] : sessions_) {
    if (s.phase == Phase::kCheckingStorage) AskForStorage(session, s.last_heard, &actions);
  }
  return actions;
}

RegistryActions TaskManagerRegistry::OnOpened(SessionId session, SteadyMicros now) {
  sessions_[session].last_heard = now;
  return {};
}

RegistryActions TaskManagerRegistry::Refuse(SessionId id, absl::Status why) {
  return {action::Send{id, control::RegisterRefused{why}}, action::Close{id, why}};
}

RegistryActions TaskManagerRegistry::OnRegister(SessionId id, const control::Register& reg,
                                                SteadyMicros now) {
  auto it = sessions_.find(id);
  if (it == sessions_.end()) return {};
  Session& session = it->second;
  session.last_heard = now;
  if (session.phase != Phase::kOpened)
    return {action::Close{id, absl::FailedPreconditionError("registered twice on one stream")}};
  session.reg = reg;
  if (reg.name.empty() || reg.slots < 1) {
    return Refuse(id,
                  absl::InvalidArgumentError("a TaskManager needs a name and at least one slot"));
  }
  if (reg.build_id != options_.build_id) {
    return Refuse(
        id, absl::FailedPreconditionError(absl::StrCat(
                "TaskManager `", reg.name, "` is of build ", reg.build_id,
                ", the JobManager of build ", options_.build_id, "; install the same on both")));
  }
  auto owner = owners_.find(reg.name);
  if (owner == owners_.end()) return Accept(id, now);
  if (sessions_[owner->second].reg.incarnation == reg.incarnation) {
    // The same process came back before its old stream was seen to break.
    const SessionId old = owner->second;
    RegistryActions actions = Remove(old, absl::UnavailableError("it opened a new stream"));
    actions.push_back(action::Close{old, absl::AbortedError("replaced by a newer stream")});
    sessions_[id].phase = Phase::kOpened;
    Append(&actions, Accept(id, now));
    return actions;
  }
  if (challengers_.contains(reg.name)) {
    return Refuse(id, absl::AlreadyExistsError(absl::StrCat(
                          "several TaskManagers come with the name `", reg.name, "`")));
  }
  session.phase = Phase::kWaitingForName;
  challengers_[reg.name] = id;
  return {};
}

RegistryActions TaskManagerRegistry::Accept(SessionId id, SteadyMicros now) {
  Session& session = sessions_[id];
  owners_[session.reg.name] = id;
  session.phase = Phase::kCheckingStorage;
  RegistryActions actions;
  if (!storage_id_.empty()) AskForStorage(id, now, &actions);
  return actions;
}

void TaskManagerRegistry::AskForStorage(SessionId id, SteadyMicros now, RegistryActions* actions) {
  Session& session = sessions_[id];
  session.ask_again = now + kAskForStorageAgain;
  actions->push_back(action::Send{
      id, control::RegisterReply{options_.epoch, options_.checkpoint_storage,
                                 options_.storage_id_path, options_.heartbeat_interval / 1000,
                                 options_.heartbeat_timeout / 1000}});
}

RegistryActions TaskManagerRegistry::OnStorageChecked(SessionId id,
                                                      const control::StorageChecked& checked,
                                                      SteadyMicros now) {
  auto it = sessions_.find(id);
  if (it == sessions_.end()) return {};
  Session& session = it->second;
  session.last_heard = now;
  if (session.phase != Phase::kCheckingStorage && session.phase != Phase::kStorageUnavailable)
    return {};
  if (checked.code != absl::StatusCode::kOk) {
    session.phase = Phase::kStorageUnavailable;
    session.ask_again = now + kAskForStorageAgain;
    return {};
  }
  if (checked.storage_id != storage_id_) {
    return Refuse(
        id, absl::FailedPreconditionError(absl::StrCat(
                "TaskManager `", session.reg.name, "` sees another checkpoint storage at ",
                options_.checkpoint_storage, " than the JobManager: its id is ", checked.storage_id,
                ", not ", storage_id_, "; mount the same one on both")));
  }
  session.phase = Phase::kRegistered;
  RegistryActions actions{action::Send{id, control::Registered{options_.epoch}}};
  for (const auto& [job, attempt] : session.reg.running) {
    actions.push_back(action::StillRuns{id, job, attempt});
  }
  actions.push_back(action::Available{session.reg.name, session.reg.incarnation});
  return actions;
}

void TaskManagerRegistry::OnAnyMessage(SessionId id, SteadyMicros now) {
  if (auto it = sessions_.find(id); it != sessions_.end()) it->second.last_heard = now;
}

RegistryActions TaskManagerRegistry::OnHeartbeat(SessionId id, SteadyMicros now) {
  auto it = sessions_.find(id);
  if (it == sessions_.end()) return {};
  it->second.last_heard = now;
  RegistryActions actions{action::Send{id, control::HeartbeatReply{options_.epoch}}};
  auto challenger = challengers_.find(it->second.reg.name);
  if (challenger != challengers_.end() && challenger->second != id) {
    const SessionId loser = challenger->second;
    challengers_.erase(challenger);
    Append(&actions, Refuse(loser, absl::AlreadyExistsError(absl::StrCat(
                                       "a TaskManager named `", it->second.reg.name,
                                       "` is registered and alive; give this one another name"))));
  }
  return actions;
}

RegistryActions TaskManagerRegistry::Remove(SessionId id, const absl::Status& why) {
  auto it = sessions_.find(id);
  if (it == sessions_.end()) return {};
  const Session session = std::move(it->second);
  sessions_.erase(it);
  if (auto c = challengers_.find(session.reg.name); c != challengers_.end() && c->second == id)
    challengers_.erase(c);
  auto owner = owners_.find(session.reg.name);
  if (owner == owners_.end() || owner->second != id) return {};
  owners_.erase(owner);
  if (session.phase != Phase::kRegistered) return {};
  return {action::Lost{session.reg.name, session.reg.incarnation, why}};
}

RegistryActions TaskManagerRegistry::OnClosed(SessionId id, const absl::Status& why) {
  auto it = sessions_.find(id);
  if (it == sessions_.end()) return {};
  const std::string name = it->second.reg.name;
  const SteadyMicros heard = it->second.last_heard;
  RegistryActions actions = Remove(id, why);
  if (auto c = challengers_.find(name); c != challengers_.end() && !owners_.contains(name)) {
    const SessionId next = c->second;
    challengers_.erase(c);
    Append(&actions, Accept(next, heard));
  }
  return actions;
}

RegistryActions TaskManagerRegistry::OnTime(SteadyMicros now) {
  RegistryActions actions;
  std::vector<SessionId> silent;
  for (auto& [id, session] : sessions_) {
    // One that waits for a name is silent by right; it is settled when the name's owner speaks or
    // is lost.
    if (session.phase != Phase::kWaitingForName &&
        now >= session.last_heard + options_.heartbeat_timeout) {
      silent.push_back(id);
    } else if (session.phase == Phase::kStorageUnavailable && now >= session.ask_again &&
               !storage_id_.empty()) {
      AskForStorage(id, now, &actions);
    }
  }
  for (SessionId id : silent) {
    const absl::Status why = absl::UnavailableError(
        absl::StrCat("silent for ", options_.heartbeat_timeout / 1000, " ms (heartbeat.timeout)"));
    Append(&actions, OnClosed(id, why));
    actions.push_back(action::Close{id, why});
  }
  return actions;
}

std::optional<SteadyMicros> TaskManagerRegistry::NextWake() const {
  std::optional<SteadyMicros> next;
  for (const auto& [id, session] : sessions_) {
    if (session.phase == Phase::kWaitingForName) continue;
    SteadyMicros at = session.last_heard + options_.heartbeat_timeout;
    if (session.phase == Phase::kStorageUnavailable && !storage_id_.empty())
      at = std::min(at, session.ask_again);
    if (!next || at < *next) next = at;
  }
  return next;
}

const TaskManagerRegistry::Session* TaskManagerRegistry::Registered(SessionId id) const {
  auto it = sessions_.find(id);
  return it != sessions_.end() && it->second.phase == Phase::kRegistered ? &it->second : nullptr;
}

std::optional<SessionId> TaskManagerRegistry::Find(const std::string& name,
                                                   Incarnation incarnation) const {
  auto owner = owners_.find(name);
  if (owner == owners_.end()) return std::nullopt;
  const Session* session = Registered(owner->second);
  if (session == nullptr || session->reg.incarnation != incarnation) return std::nullopt;
  return owner->second;
}

int TaskManagerRegistry::UsedSlots(const std::string& name) const {
  int64_t used = 0;
  for (const auto& [job, names] : assigned_) used += std::count(names.begin(), names.end(), name);
  return static_cast<int>(used);
}

std::vector<SchedulerCandidate> TaskManagerRegistry::Candidates() const {
  std::vector<SchedulerCandidate> candidates;
  for (const auto& [name, id] : owners_) {
    const Session* session = Registered(id);
    if (session == nullptr) continue;
    candidates.push_back(
        {name, session->reg.slots, std::max(0, session->reg.slots - UsedSlots(name))});
  }
  return candidates;
}

void TaskManagerRegistry::Assign(const JobId& job, const std::vector<std::string>& names) {
  assigned_[job] = names;
}
void TaskManagerRegistry::Release(const JobId& job) { assigned_.erase(job); }

int TaskManagerRegistry::Slots() const {
  int slots = 0;
  for (const SchedulerCandidate& candidate : Candidates()) slots += candidate.slots;
  return slots;
}
int TaskManagerRegistry::FreeSlots() const {
  int free = 0;
  for (const SchedulerCandidate& candidate : Candidates()) free += candidate.free;
  return free;
}

}  // namespace weir::jobmanager
