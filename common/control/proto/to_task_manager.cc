#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/control/proto/convert.h"
#include "common/control/proto/parts.h"

namespace weir::control {
namespace {

struct Writer {
  v1::ToTaskManager* out;

  void operator()(const RegisterReply& in) {
    auto* m = out->mutable_register_reply();
    m->set_epoch(in.epoch.value);
    m->set_checkpoint_storage(in.checkpoint_storage);
    m->set_storage_id_path(in.storage_id_path);
    m->set_heartbeat_interval_ms(in.heartbeat_interval_ms);
    m->set_heartbeat_timeout_ms(in.heartbeat_timeout_ms);
  }
  void operator()(const Registered& in) { out->mutable_registered()->set_epoch(in.epoch.value); }
  void operator()(const RegisterRefused& in) {
    ToProto(in.reason, out->mutable_register_refused()->mutable_reason());
  }
  void operator()(const Deploy& in) {
    auto* m = out->mutable_deploy();
    ToProto(in.fence, m->mutable_fence());
    m->set_job_spec(in.job_spec);
    m->set_plan_digest(in.plan_digest);
    m->set_storage(in.storage);
    for (const auto& subtask : in.subtasks) ToProto(subtask, m->add_subtasks());
    for (const auto& placement : in.placements) ToProto(placement, m->add_placements());
    ToProto(in.restore, m->mutable_restore());
    m->set_resolve_only(in.resolve_only);
    if (in.former_job) m->set_former_job(in.former_job->value);
    m->set_unresolved(static_cast<v1::UnresolvedPolicy>(static_cast<int>(in.unresolved) + 1));
  }
  void operator()(const AssignSplits& in) {
    ToProto(in.fence, out->mutable_assign_splits()->mutable_fence());
    for (const auto& source : in.sources)
      ToProto(source, out->mutable_assign_splits()->add_sources());
  }
  void operator()(const Sweep& in) {
    ToProto(in.fence, out->mutable_sweep()->mutable_fence());
    out->mutable_sweep()->set_keep_from(in.keep_from.value);
  }
  void operator()(const StartRunning& in) {
    ToProto(in.fence, out->mutable_start_running()->mutable_fence());
  }
  void operator()(const TriggerCheckpoint& in) {
    auto* m = out->mutable_trigger_checkpoint();
    ToProto(in.fence, m->mutable_fence());
    m->set_checkpoint(in.checkpoint.value);
    m->set_timeout_ms(in.timeout_ms);
    m->set_savepoint(in.savepoint);
  }
  void operator()(const CheckpointComplete& in) {
    ToProto(in.fence, out->mutable_checkpoint_complete()->mutable_fence());
    out->mutable_checkpoint_complete()->set_checkpoint(in.checkpoint.value);
  }
  void operator()(const CheckpointAborted& in) {
    ToProto(in.fence, out->mutable_checkpoint_aborted()->mutable_fence());
    out->mutable_checkpoint_aborted()->set_checkpoint(in.checkpoint.value);
  }
  void operator()(const CancelAttempt& in) {
    ToProto(in.fence, out->mutable_cancel_attempt()->mutable_fence());
  }
  void operator()(const ProbeStorage& in) {
    auto* m = out->mutable_probe_storage();
    ToProto(in.fence, m->mutable_fence());
    m->set_probe(in.probe);
    m->set_storage(in.storage);
  }
  void operator()(const AdoptAttempt& in) {
    auto* m = out->mutable_adopt_attempt();
    ToProto(in.fence, m->mutable_fence());
    m->set_complete(in.complete.value);
    m->set_next(in.next.value);
  }
  void operator()(const HeartbeatReply& in) {
    out->mutable_heartbeat_reply()->set_epoch(in.epoch.value);
  }
};

absl::StatusOr<ToTaskManager> Read(const v1::RegisterReply& in) {
  RegisterReply m;
  m.epoch = LeaderEpoch(in.epoch());
  m.checkpoint_storage = in.checkpoint_storage();
  m.storage_id_path = in.storage_id_path();
  m.heartbeat_interval_ms = in.heartbeat_interval_ms();
  m.heartbeat_timeout_ms = in.heartbeat_timeout_ms();
  if (m.heartbeat_interval_ms <= 0 || m.heartbeat_timeout_ms <= 0) {
    return absl::InvalidArgumentError("a heartbeat interval or timeout is not positive");
  }
  return m;
}
absl::StatusOr<ToTaskManager> Read(const v1::RegisterRefused& in) {
  RegisterRefused m;
  RETURN_IF_ERROR(FromProto(in.reason(), &m.reason));
  return m;
}
absl::StatusOr<ToTaskManager> Read(const v1::Deploy& in) {
  Deploy m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.job_spec = in.job_spec();
  m.plan_digest = in.plan_digest();
  m.storage = in.storage();
  for (const auto& subtask : in.subtasks()) {
    ASSIGN_OR_RETURN(const SubtaskId id, FromProto(subtask));
    m.subtasks.push_back(id);
  }
  for (const auto& placement : in.placements()) {
    ASSIGN_OR_RETURN(SubtaskPlacement read, FromProto(placement));
    m.placements.push_back(std::move(read));
  }
  m.restore = FromProto(in.restore());
  m.resolve_only = in.resolve_only();
  if (in.has_former_job()) m.former_job = JobId{in.former_job()};
  if (in.unresolved() < v1::UNRESOLVED_POLICY_FAIL ||
      in.unresolved() > v1::UNRESOLVED_POLICY_REPEAT) {
    return absl::InvalidArgumentError(absl::StrCat("policy ", in.unresolved(), " is none"));
  }
  m.unresolved = static_cast<UnresolvedPolicy>(in.unresolved() - 1);
  return m;
}
absl::StatusOr<ToTaskManager> Read(const v1::AssignSplits& in) {
  AssignSplits m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  for (const auto& source : in.sources()) m.sources.push_back(FromProto(source));
  return m;
}
absl::StatusOr<ToTaskManager> Read(const v1::TriggerCheckpoint& in) {
  TriggerCheckpoint m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.checkpoint = CheckpointId(in.checkpoint());
  m.timeout_ms = in.timeout_ms();
  m.savepoint = in.savepoint();
  return m;
}
absl::StatusOr<ToTaskManager> Read(const v1::ProbeStorage& in) {
  ProbeStorage m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.probe = in.probe();
  m.storage = in.storage();
  return m;
}
absl::StatusOr<ToTaskManager> Read(const v1::AdoptAttempt& in) {
  AdoptAttempt m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.complete = CheckpointId(in.complete());
  m.next = CheckpointId(in.next());
  return m;
}
absl::StatusOr<ToTaskManager> Read(const v1::Sweep& in) {
  Sweep m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.keep_from = Attempt(in.keep_from());
  return m;
}
/// Messages of a fence alone.
template <typename Message, typename In>
absl::StatusOr<ToTaskManager> ReadFence(const In& in) {
  Message m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  return m;
}
/// Messages of a fence and a checkpoint.
template <typename Message, typename In>
absl::StatusOr<ToTaskManager> ReadCheckpoint(const In& in) {
  Message m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.checkpoint = CheckpointId(in.checkpoint());
  return m;
}

}  // namespace

void ToProto(const ToTaskManager& message, v1::ToTaskManager* out) {
  std::visit(Writer{out}, message);
}

absl::StatusOr<ToTaskManager> FromProto(const v1::ToTaskManager& in) {
  switch (in.message_case()) {
    case v1::ToTaskManager::kRegisterReply:
      return Read(in.register_reply());
    case v1::ToTaskManager::kRegistered:
      return Registered{LeaderEpoch(in.registered().epoch())};
    case v1::ToTaskManager::kRegisterRefused:
      return Read(in.register_refused());
    case v1::ToTaskManager::kDeploy:
      return Read(in.deploy());
    case v1::ToTaskManager::kAssignSplits:
      return Read(in.assign_splits());
    case v1::ToTaskManager::kSweep:
      return Read(in.sweep());
    case v1::ToTaskManager::kStartRunning:
      return ReadFence<StartRunning>(in.start_running());
    case v1::ToTaskManager::kTriggerCheckpoint:
      return Read(in.trigger_checkpoint());
    case v1::ToTaskManager::kCheckpointComplete:
      return ReadCheckpoint<CheckpointComplete>(in.checkpoint_complete());
    case v1::ToTaskManager::kCheckpointAborted:
      return ReadCheckpoint<CheckpointAborted>(in.checkpoint_aborted());
    case v1::ToTaskManager::kCancelAttempt:
      return ReadFence<CancelAttempt>(in.cancel_attempt());
    case v1::ToTaskManager::kProbeStorage:
      return Read(in.probe_storage());
    case v1::ToTaskManager::kHeartbeatReply:
      return HeartbeatReply{LeaderEpoch(in.heartbeat_reply().epoch())};
    case v1::ToTaskManager::kAdoptAttempt:
      return Read(in.adopt_attempt());
    case v1::ToTaskManager::MESSAGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "a control message of an unknown kind; is the JobManager of another version?");
}

}  // namespace weir::control
