#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/control/messages.h"
#include "jobmanager/cluster/scheduler.h"

namespace weir::jobmanager {

/// One stream of a TaskManager, numbered by the driver.
using SessionId = uint64_t;

/// What the driver is to do, in order.
namespace registry_action {
struct Send {
  SessionId session = 0;
  control::ToTaskManager message;
};
struct Close {
  SessionId session = 0;
  absl::Status why;
};
/// Its slots may be used.
struct Available {
  std::string name;
  Incarnation incarnation;
};
/// It runs an attempt that nobody of this registry deployed: to be adopted or cancelled.
struct StillRuns {
  SessionId session = 0;
  JobId job;
  Attempt attempt;
};
/// All that ran there is lost.
struct Lost {
  std::string name;
  Incarnation incarnation;
  absl::Status why;
};
}  // namespace registry_action
using RegistryAction = std::variant<registry_action::Send, registry_action::Close,
                                    registry_action::Available, registry_action::StillRuns,
                                    registry_action::Lost>;
using RegistryActions = std::vector<RegistryAction>;

struct RegistryOptions {
  LeaderEpoch epoch;
  std::string build_id;
  std::string checkpoint_storage;
  std::string storage_id_path;
  SteadyMicros heartbeat_interval = 500'000;
  SteadyMicros heartbeat_timeout = 3'000'000;
};

/// The TaskManagers of the cluster: registration, liveness, slots.
///
/// Thread:    confined; pure.
/// Shape:     a name belongs to one living stream. Who comes with the name of another one waits
/// until that one has
///            shown a sign of life (refused) or is lost (accepted): a killed and restarted
///            TaskManager may be faster than the news of its death.
/// Invariant: slots are given only to TaskManagers that read this cluster's storage id.
/// Source:    design.md 3 (Control).
class TaskManagerRegistry {
 public:
  enum class Phase : uint8_t {
    kOpened,
    kWaitingForName,
    kCheckingStorage,
    kStorageUnavailable,
    kRegistered
  };
  struct Session {
    Phase phase = Phase::kOpened;
    control::Register reg;
    SteadyMicros last_heard = 0;
    SteadyMicros ask_again = 0;  // kStorageUnavailable
  };

  explicit TaskManagerRegistry(RegistryOptions options) : options_(std::move(options)) {}

  /// The id that the storage must show. Nobody is registered before it is known.
  RegistryActions SetStorageId(std::string id);
  RegistryActions OnOpened(SessionId session, SteadyMicros now);
  RegistryActions OnRegister(SessionId session, const control::Register& reg, SteadyMicros now);
  RegistryActions OnStorageChecked(SessionId session, const control::StorageChecked& checked,
                                   SteadyMicros now);
  RegistryActions OnHeartbeat(SessionId session, SteadyMicros now);
  /// Any message is a sign of life.
  void OnAnyMessage(SessionId session, SteadyMicros now);
  RegistryActions OnClosed(SessionId session, const absl::Status& why);
  RegistryActions OnTime(SteadyMicros now);
  /// When OnTime is due next; nothing: nobody is there.
  std::optional<SteadyMicros> NextWake() const;

  /// Null unless registered.
  const Session* Registered(SessionId session) const;
  /// The stream of a registered TaskManager's incarnation; nothing when it is gone.
  std::optional<SessionId> Find(const std::string& name, Incarnation incarnation) const;

  // Slots.
  std::vector<SchedulerCandidate> Candidates() const;
  void Assign(const JobId& job, const std::vector<std::string>& names);  // one per slot
  void Release(const JobId& job);
  int Slots() const;
  int FreeSlots() const;

  const std::map<SessionId, Session>& sessions() const { return sessions_; }
  int UsedSlots(const std::string& name) const;

 private:
  RegistryActions Accept(SessionId id, SteadyMicros now);
  RegistryActions Refuse(SessionId id, absl::Status why);
  void AskForStorage(SessionId id, SteadyMicros now, RegistryActions* actions);
  RegistryActions Remove(SessionId id, const absl::Status& why);

  const RegistryOptions options_;
  std::string storage_id_;
  std::map<SessionId, Session> sessions_;
  std::map<std::string, SessionId> owners_;       // of names
  std::map<std::string, SessionId> challengers_;  // who waits for a name
  std::map<JobId, std::vector<std::string>> assigned_;
};

}  // namespace weir::jobmanager
