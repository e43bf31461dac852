// JobManager: the TaskManagers' side. The registry decides, this carries out.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "jobmanager/job_manager_impl.h"

namespace weir::jobmanager {
namespace {

/// The job that a message is about; null: the TaskManager itself.
const control::Fence* FenceOf(const control::ToJobManager& message) {
  return std::visit(
      [](const auto& m) -> const control::Fence* {
        if constexpr (requires { m.fence; }) {
          return &m.fence;
        } else {
          return nullptr;
        }
      },
      message);
}

}  // namespace

void JobManager::Impl::OnOpened(std::shared_ptr<control::TaskManagerLink> link,
                                const std::string& peer) {
  const SessionId session = next_session_++;
  sessions_[link.get()] = session;
  streams_[session] = {std::move(link), peer};
  Carry(registry_.OnOpened(session, context_.now()));
}

void JobManager::Impl::OnMessage(control::TaskManagerLink* link, control::ToJobManager& message) {
  auto it = sessions_.find(link);
  if (it == sessions_.end()) return;
  const SessionId session = it->second;
  const SteadyMicros now = context_.now();
  if (auto* m = std::get_if<control::Register>(&message)) {
    Carry(registry_.OnRegister(session, *m, now));
  } else if (auto* m = std::get_if<control::StorageChecked>(&message)) {
    Carry(registry_.OnStorageChecked(session, *m, now));
  } else if (std::holds_alternative<control::Heartbeat>(message)) {
    Carry(registry_.OnHeartbeat(session, now));
  } else {
    registry_.OnAnyMessage(session, now);
    Route(session, message);
  }
}

void JobManager::Impl::Route(SessionId session, control::ToJobManager& message) {
  const control::Fence* fence = FenceOf(message);
  const TaskManagerRegistry::Session* from = registry_.Registered(session);
  if (fence == nullptr || from == nullptr) return;
  const std::string name = from->reg.name;
  for (const auto& master : jobs_) {
    if (master->record().id != fence->job) continue;
    const auto keep = master;  // the job may end with this message
    keep->OnMessage(name, message);
    return;
  }
}

void JobManager::Impl::OnClosed(control::TaskManagerLink* link, const absl::Status& why) {
  auto it = sessions_.find(link);
  if (it == sessions_.end()) return;
  const SessionId session = it->second;
  sessions_.erase(it);
  Carry(registry_.OnClosed(session, why.ok() ? absl::UnavailableError("its stream ended") : why));
  streams_.erase(session);
}

void JobManager::Impl::Carry(const RegistryActions& actions) {
  for (const RegistryAction& a : actions) {
    std::visit([this](const auto& what) { Do(what); }, a);
  }
  ArmRegistry();
}

void JobManager::Impl::ArmRegistry() {
  // A heartbeat moves the deadline on; the timer then looks again when it is due, rather than being
  // set anew each time.
  const std::optional<SteadyMicros> at = registry_.NextWake();
  if (!at || (registry_timer_ != 0 && registry_wake_ <= *at)) return;
  loop()->Cancel(registry_timer_);
  registry_wake_ = *at;
  registry_timer_ = loop()->PostAt(*at, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->registry_timer_ = 0;
    self->Carry(self->registry_.OnTime(self->context_.now()));
  });
}

void JobManager::Impl::Do(const registry_action::Send& a) {
  auto it = streams_.find(a.session);
  if (it == streams_.end()) return;
  if (auto* refused = std::get_if<control::RegisterRefused>(&a.message)) {
    log::Warning(absl::StrCat("TaskManager refused: ", refused->reason.message()),
                 {{"peer", it->second.peer}});
  }
  it->second.link->Send(a.message);
}

void JobManager::Impl::Do(const registry_action::Close& a) {
  auto it = streams_.find(a.session);
  if (it != streams_.end()) it->second.link->Close(a.why);
}

void JobManager::Impl::Do(const registry_action::Available& a) {
  log::Info("TaskManager available",
            {{"taskmanager", a.name}, {"slots", absl::StrCat(registry_.Slots())}});
  const auto jobs = jobs_;
  for (const auto& master : jobs) master->OnTaskManagerRegistered(a.name, a.incarnation);
  OfferSlots();
}

void JobManager::Impl::Do(const registry_action::StillRuns& a) {
  const bool adoptable = std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& master) {
    return master->record().id == a.job && master->MayAdopt(a.attempt);
  });
  if (adoptable) return;
  Do(registry_action::Send{a.session,
                           control::CancelAttempt{{context_.epoch, a.job, a.attempt}}});
}

void JobManager::Impl::Do(const registry_action::Lost& a) {
  log::Warning(absl::StrCat("TaskManager lost: ", a.why.message()), {{"taskmanager", a.name}});
  const auto jobs = jobs_;
  for (const auto& master : jobs) master->OnTaskManagerLost(a.name, a.incarnation, a.why);
}

void JobManager::Impl::Send(const std::string& name, Incarnation incarnation,
                            control::ToTaskManager message) {
  const std::optional<SessionId> session = registry_.Find(name, incarnation);
  if (!session) return;
  auto it = streams_.find(*session);
  if (it != streams_.end()) it->second.link->Send(std::move(message));
}

void JobManager::Impl::OfferSlots() {
  // As an event of its own: whoever frees slots is in the middle of its work. Jobs are asked in the
  // order submitted.
  if (offering_) return;
  offering_ = true;
  loop()->Post([self = shared_from_this()] {
    self->offering_ = false;
    const auto jobs = self->jobs_;
    for (const auto& master : jobs) master->OnSlots();
  });
}

ClusterInfo JobManager::Impl::Cluster() const {
  using Phase = TaskManagerRegistry::Phase;
  ClusterInfo info;
  info.epoch = context_.epoch;
  info.build_id = context_.options.build_id;
  info.checkpoint_storage = context_.options.checkpoint_storage;
  info.slots = registry_.Slots();
  info.free_slots = registry_.FreeSlots();
  for (const auto& [id, session] : registry_.sessions()) {
    if (session.phase == Phase::kOpened) continue;
    TaskManagerInfo tm;
    tm.name = session.reg.name;
    tm.address = session.reg.address;
    tm.state = session.phase == Phase::kRegistered           ? "available"
               : session.phase == Phase::kStorageUnavailable ? "storage_unavailable"
                                                             : "registering";
    tm.slots = session.reg.slots;
    if (session.phase == Phase::kRegistered)
      tm.free_slots = std::max(0, tm.slots - registry_.UsedSlots(tm.name));
    tm.build_id = session.reg.build_id;
    tm.silent_ms = (context_.now() - session.last_heard) / 1000;
    info.taskmanagers.push_back(std::move(tm));
  }
  std::sort(info.taskmanagers.begin(), info.taskmanagers.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return info;
}

}  // namespace weir::jobmanager
