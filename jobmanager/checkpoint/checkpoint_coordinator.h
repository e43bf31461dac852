#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/checkpoint/snapshot.h"
#include "common/control/messages.h"

namespace weir::jobmanager {

/// Why a checkpoint is taken. The last two end the job when they are recorded.
enum class Purpose : uint8_t { kPeriodic, kSavepoint, kStop, kFinal };
constexpr bool EndsJob(Purpose purpose) { return purpose >= Purpose::kStop; }
const char* ToString(Purpose purpose);

struct CheckpointConfig {
  SteadyMicros interval = 10'000'000;
  SteadyMicros timeout = 60'000'000;
  SteadyMicros min_pause = 0;
  int max_concurrent = 1;
  int tolerable_failures = 3;
  /// A checkpoint is not recorded when a handle's deadline is nearer than its sink's.
  static constexpr int64_t kRestartBudgetMs = 10'000;
  std::map<std::string, int64_t> restart_budgets_ms = {};  // by sink; others have the default
};

/// What happens to a coordinator. `Step` takes the time with each.
namespace coordinator_event {
struct Started {};  // every subtask runs
struct TimePassed {};
struct IdsReserved {  // durably
  CheckpointId until;
};
struct TriggerFailed {
  CheckpointId id;
  absl::Status why;
};
struct Acked {
  control::CheckpointAck ack;
};
struct Declined {
  CheckpointId id;
  SubtaskId subtask;
  absl::Status reason;
  bool storage_failed = false;
};
struct ManifestWritten {
  CheckpointId id;
  checkpoint::FileRef file;
};
struct ManifestFailed {
  CheckpointId id;
  absl::Status why;
};
struct Recorded {  // the metadata store has accepted it
  CheckpointId id;
};
struct Confirmed {  // all handles <= id of the subtask are committed
  SubtaskId subtask;
  CheckpointId id;
};
struct Probed {
  std::string participant;  // empty: the JobManager
  int64_t probe = 0;
  absl::Status result;
};
struct SourcesEnded {};
struct SavepointWanted {};
struct StopWanted {};
}  // namespace coordinator_event
using CoordinatorEvent =
    std::variant<coordinator_event::Started, coordinator_event::TimePassed,
                 coordinator_event::IdsReserved, coordinator_event::TriggerFailed,
                 coordinator_event::Acked, coordinator_event::Declined,
                 coordinator_event::ManifestWritten, coordinator_event::ManifestFailed,
                 coordinator_event::Recorded, coordinator_event::Confirmed,
                 coordinator_event::Probed, coordinator_event::SourcesEnded,
                 coordinator_event::SavepointWanted, coordinator_event::StopWanted>;

/// What the driver is to do, in order.
namespace coordinator_action {
struct ReserveIds {
  CheckpointId until;
};
struct SendTrigger {
  CheckpointId id;
  Purpose purpose = Purpose::kPeriodic;
};
struct WriteManifest {
  CheckpointId id;
  Purpose purpose = Purpose::kPeriodic;
  std::shared_ptr<const std::vector<checkpoint::SubtaskSnapshot>> subtasks;
};
struct PutRecord {
  CheckpointId id;
  Purpose purpose = Purpose::kPeriodic;
  checkpoint::FileRef manifest;
  int64_t duration_micros = 0;
  int64_t size_bytes = 0;
  std::shared_ptr<const std::vector<checkpoint::SubtaskSnapshot>> subtasks;
};
struct NotifyComplete {
  CheckpointId id;
};
struct NotifyAborted {
  CheckpointId id;
  Purpose purpose = Purpose::kPeriodic;
  absl::Status why;
  bool again = false;  // a savepoint that a later checkpoint overtook: it is tried again
};
/// A savepoint's commits are confirmed: it may be copied.
struct CommitsConfirmed {
  CheckpointId id;
};
/// The JobManager and every TaskManager of the job write a probe file and answer with Probed.
struct Probe {
  int64_t probe = 0;
};
struct FailAttempt {
  absl::Status why;
};
}  // namespace coordinator_action
using CoordinatorAction =
    std::variant<coordinator_action::ReserveIds, coordinator_action::SendTrigger,
                 coordinator_action::WriteManifest, coordinator_action::PutRecord,
                 coordinator_action::NotifyComplete, coordinator_action::NotifyAborted,
                 coordinator_action::CommitsConfirmed, coordinator_action::Probe,
                 coordinator_action::FailAttempt>;

/// Decides about the checkpoints of one attempt: when to trigger, when one is complete, when it is
/// given up.
///
/// Thread:    confined; pure: neither I/O nor time of its own.
/// Shape:     one coordinator per attempt; ids are handed on from attempt to attempt.
/// Errors:    late, repeated or unknown messages are ignored: they carry ids.
/// Invariant: an action exists only on its event: PutRecord only on ManifestWritten, NotifyComplete
/// only on Recorded.
///            Once PutRecord is given, the checkpoint is neither aborted nor given up.
/// Source:    design.md section 5.
class CheckpointCoordinator {
 public:
  struct Setup {
    CheckpointConfig config;
    std::vector<SubtaskId> subtasks;
    std::vector<std::string> taskmanagers;  // who probes beside the JobManager
    CheckpointId next_id{1};
    CheckpointId ids_reserved{1};
    bool trigger_at_once = false;  // the first one is due when Started, not an interval later
  };
  static constexpr int64_t kIdBlock = 10'000;

  explicit CheckpointCoordinator(Setup setup);
  std::vector<CoordinatorAction> Step(const CoordinatorEvent& event, SteadyMicros now,
                                      int64_t wall_ms);

  /// When TimePassed is due next; nothing: not before another event.
  std::optional<SteadyMicros> NextWake() const { return next_wake_; }
  CheckpointId next_id() const { return next_id_; }
  bool probing() const { return probing_; }
  size_t pending() const { return pending_.size(); }

 private:
  enum class Stage : uint8_t { kCollecting, kAcknowledged, kWriting, kRecording };
  struct Pending {
    Purpose purpose = Purpose::kPeriodic;
    Stage stage = Stage::kCollecting;
    SteadyMicros triggered_at = 0;
    int64_t size_bytes = 0;
    std::map<SubtaskId, checkpoint::SubtaskSnapshot> acks;
    std::shared_ptr<const std::vector<checkpoint::SubtaskSnapshot>> subtasks;
  };
  using Event = CoordinatorEvent;

  void On(const coordinator_event::Started&);
  void On(const coordinator_event::TimePassed&) {}
  void On(const coordinator_event::IdsReserved&);
  void On(const coordinator_event::TriggerFailed&);
  void On(const coordinator_event::Acked&);
  void On(const coordinator_event::Declined&);
  void On(const coordinator_event::ManifestWritten&);
  void On(const coordinator_event::ManifestFailed&);
  void On(const coordinator_event::Recorded&);
  void On(const coordinator_event::Confirmed&);
  void On(const coordinator_event::Probed&);
  void On(const coordinator_event::SourcesEnded&) { sources_ended_ = true; }
  void On(const coordinator_event::SavepointWanted&) { savepoint_wanted_ = true; }
  void On(const coordinator_event::StopWanted&) { stop_wanted_ = true; }

  void Advance();
  void ExpirePending();
  void WriteNext();
  void MaybeFailAttempt();
  void MaybeTrigger();
  void Abort(std::map<CheckpointId, Pending>::iterator it, const absl::Status& why,
             bool storage_failed);
  void StartProbe();
  std::optional<absl::Status> HandleTooOld(const Pending& pending) const;
  void WakeAt(SteadyMicros at);

  const CheckpointConfig config_;
  const std::set<SubtaskId> subtasks_;
  const std::vector<std::string> taskmanagers_;
  const bool trigger_at_once_;

  SteadyMicros now_ = 0;
  int64_t wall_ms_ = 0;
  std::vector<CoordinatorAction> actions_;
  std::optional<SteadyMicros> next_wake_;

  CheckpointId next_id_;
  CheckpointId ids_reserved_;
  bool reserving_ = false;

  bool running_ = false;
  bool failed_ = false;  // FailAttempt was given
  bool ending_ = false;  // a record that ends the job was put
  bool sources_ended_ = false;
  bool stop_wanted_ = false;
  bool savepoint_wanted_ = false;

  std::map<CheckpointId, Pending> pending_;
  std::map<SubtaskId, CheckpointId> confirmed_;
  /// Savepoints whose commits are not confirmed, and who is to confirm.
  std::map<CheckpointId, std::set<SubtaskId>> unconfirmed_;

  SteadyMicros periodic_due_ = 0;
  SteadyMicros last_end_ = 0;  // of any checkpoint: min_pause counts from here
  SteadyMicros last_complete_ = 0;
  SteadyMicros not_before_ = 0;  // pause behind a failure, also for those that are not periodic
  int failures_in_row_ = 0;

  bool probing_ = false;
  int64_t probe_ = 0;
  std::set<std::string> probes_open_;
  bool probe_failed_ = false;
  SteadyMicros probe_retry_ = 0;
};

}  // namespace weir::jobmanager
