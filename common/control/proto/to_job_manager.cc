#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/control/proto/convert.h"
#include "common/control/proto/parts.h"

namespace weir::control {
namespace {

struct Writer {
  v1::ToJobManager* out;

  void operator()(const Register& in) {
    auto* m = out->mutable_register_();
    m->set_name(in.name);
    m->set_address(in.address);
    m->set_slots(in.slots);
    m->set_build_id(in.build_id);
    m->set_incarnation(in.incarnation.value);
    for (const auto& [job, attempt] : in.running) {
      auto* running = m->add_running();
      running->set_job(job.value);
      running->set_attempt(attempt.value);
    }
  }
  void operator()(const StorageChecked& in) {
    out->mutable_storage_checked()->set_code(static_cast<int>(in.code));
    out->mutable_storage_checked()->set_storage_id(in.storage_id);
  }
  void operator()(const Heartbeat&) { out->mutable_heartbeat(); }
  void operator()(const MetricsReport& in) {
    auto* m = out->mutable_metrics_report();
    ToProto(in.fence, m->mutable_fence());
    for (const auto& subtask : in.subtasks) ToProto(subtask, m->add_subtasks());
    for (const auto& sink : in.sinks) ToProto(sink, m->add_sinks());
  }
  void operator()(const SubtaskStateChanged& in) {
    auto* m = out->mutable_subtask_state_changed();
    ToProto(in.fence, m->mutable_fence());
    ToProto(in.subtask, m->mutable_subtask());
    m->set_state(static_cast<v1::SubtaskState>(ToProto(in.state)));
    ToProto(in.error, m->mutable_error());
    m->set_domain(static_cast<v1::FailureDomain>(ToProto(in.domain)));
  }
  void operator()(const SplitsFound& in) {
    ToProto(in.fence, out->mutable_splits_found()->mutable_fence());
    ToProto(in.source, out->mutable_splits_found()->mutable_source());
  }
  void operator()(const SourceEnded& in) {
    ToProto(in.fence, out->mutable_source_ended()->mutable_fence());
    ToProto(in.subtask, out->mutable_source_ended()->mutable_subtask());
  }
  void operator()(const CheckpointAck& in) {
    auto* m = out->mutable_checkpoint_ack();
    ToProto(in.fence, m->mutable_fence());
    m->set_checkpoint(in.checkpoint.value);
    ToProto(in.snapshot, m->mutable_snapshot());
    m->set_state_bytes(in.state_bytes);
    m->set_sync_micros(in.sync_micros);
    m->set_async_micros(in.async_micros);
    m->set_alignment_micros(in.alignment_micros);
  }
  void operator()(const CheckpointDecline& in) {
    auto* m = out->mutable_checkpoint_decline();
    ToProto(in.fence, m->mutable_fence());
    m->set_checkpoint(in.checkpoint.value);
    ToProto(in.subtask, m->mutable_subtask());
    ToProto(in.reason, m->mutable_reason());
    m->set_storage_failed(in.storage_failed);
  }
  void operator()(const CommitConfirmed& in) {
    auto* m = out->mutable_commit_confirmed();
    ToProto(in.fence, m->mutable_fence());
    m->set_checkpoint(in.checkpoint.value);
    ToProto(in.subtask, m->mutable_subtask());
  }
  void operator()(const Swept& in) {
    ToProto(in.fence, out->mutable_swept()->mutable_fence());
    ToProto(in.subtask, out->mutable_swept()->mutable_subtask());
  }
  void operator()(const ProbeResult& in) {
    auto* m = out->mutable_probe_result();
    ToProto(in.fence, m->mutable_fence());
    m->set_probe(in.probe);
    ToProto(in.result, m->mutable_result());
  }
  void operator()(const AttemptReport& in) {
    auto* m = out->mutable_attempt_report();
    ToProto(in.fence, m->mutable_fence());
    for (const auto& subtask : in.subtasks) {
      auto* added = m->add_subtasks();
      ToProto(subtask.subtask, added->mutable_subtask());
      added->set_state(static_cast<v1::SubtaskState>(ToProto(subtask.state)));
      added->set_source_ended(subtask.source_ended);
    }
    for (const auto& placement : in.placements) ToProto(placement, m->add_placements());
  }
};

absl::StatusOr<ToJobManager> Read(const v1::Register& in) {
  Register m;
  m.name = in.name();
  m.address = in.address();
  m.slots = in.slots();
  m.build_id = in.build_id();
  m.incarnation = Incarnation(in.incarnation());
  if (m.name.empty()) return absl::InvalidArgumentError("a TaskManager registers without a name");
  if (m.slots < 0)
    return absl::InvalidArgumentError(absl::StrCat("TaskManager ", m.name, ": negative slots"));
  for (const auto& running : in.running()) {
    m.running.emplace_back(JobId{running.job()}, Attempt(running.attempt()));
  }
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::StorageChecked& in) {
  StorageChecked m;
  ASSIGN_OR_RETURN(m.code, StatusCodeFromProto(in.code()));
  m.storage_id = in.storage_id();
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::MetricsReport& in) {
  MetricsReport m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  for (const auto& subtask : in.subtasks()) {
    ASSIGN_OR_RETURN(auto metrics, FromProto(subtask));
    m.subtasks.push_back(metrics);
  }
  for (const auto& sink : in.sinks()) {
    ASSIGN_OR_RETURN(auto report, FromProto(sink));
    m.sinks.push_back(std::move(report));
  }
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::SubtaskStateChanged& in) {
  SubtaskStateChanged m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  ASSIGN_OR_RETURN(m.subtask, FromProto(in.subtask()));
  ASSIGN_OR_RETURN(m.state, SubtaskStateFromProto(in.state()));
  ASSIGN_OR_RETURN(m.domain, FailureDomainFromProto(in.domain()));
  RETURN_IF_ERROR(FromProto(in.error(), &m.error));
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::SplitsFound& in) {
  SplitsFound m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.source = FromProto(in.source());
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::SourceEnded& in) {
  SourceEnded m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  ASSIGN_OR_RETURN(m.subtask, FromProto(in.subtask()));
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::CheckpointAck& in) {
  CheckpointAck m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.checkpoint = CheckpointId(in.checkpoint());
  ASSIGN_OR_RETURN(m.snapshot, FromProto(in.snapshot()));
  m.state_bytes = in.state_bytes();
  m.sync_micros = in.sync_micros();
  m.async_micros = in.async_micros();
  m.alignment_micros = in.alignment_micros();
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::CheckpointDecline& in) {
  CheckpointDecline m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.checkpoint = CheckpointId(in.checkpoint());
  ASSIGN_OR_RETURN(m.subtask, FromProto(in.subtask()));
  RETURN_IF_ERROR(FromProto(in.reason(), &m.reason));
  m.storage_failed = in.storage_failed();
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::CommitConfirmed& in) {
  CommitConfirmed m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.checkpoint = CheckpointId(in.checkpoint());
  ASSIGN_OR_RETURN(m.subtask, FromProto(in.subtask()));
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::Swept& in) {
  Swept m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  ASSIGN_OR_RETURN(m.subtask, FromProto(in.subtask()));
  return m;
}
absl::StatusOr<ToJobManager> Read(const v1::ProbeResult& in) {
  ProbeResult m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  m.probe = in.probe();
  RETURN_IF_ERROR(FromProto(in.result(), &m.result));
  return m;
}

absl::StatusOr<ToJobManager> Read(const v1::AttemptReport& in) {
  AttemptReport m;
  ASSIGN_OR_RETURN(m.fence, FenceOf(in));
  for (const auto& subtask : in.subtasks()) {
    AttemptReport::Subtask read;
    ASSIGN_OR_RETURN(read.subtask, FromProto(subtask.subtask()));
    ASSIGN_OR_RETURN(read.state, SubtaskStateFromProto(subtask.state()));
    read.source_ended = subtask.source_ended();
    m.subtasks.push_back(read);
  }
  for (const auto& placement : in.placements()) {
    ASSIGN_OR_RETURN(SubtaskPlacement read, FromProto(placement));
    m.placements.push_back(std::move(read));
  }
  return m;
}

}  // namespace

void ToProto(const ToJobManager& message, v1::ToJobManager* out) {
  std::visit(Writer{out}, message);
}

absl::StatusOr<ToJobManager> FromProto(const v1::ToJobManager& in) {
  switch (in.message_case()) {
    case v1::ToJobManager::kRegister:
      return Read(in.register_());
    case v1::ToJobManager::kStorageChecked:
      return Read(in.storage_checked());
    case v1::ToJobManager::kHeartbeat:
      return Heartbeat();
    case v1::ToJobManager::kMetricsReport:
      return Read(in.metrics_report());
    case v1::ToJobManager::kSubtaskStateChanged:
      return Read(in.subtask_state_changed());
    case v1::ToJobManager::kSplitsFound:
      return Read(in.splits_found());
    case v1::ToJobManager::kSourceEnded:
      return Read(in.source_ended());
    case v1::ToJobManager::kCheckpointAck:
      return Read(in.checkpoint_ack());
    case v1::ToJobManager::kCheckpointDecline:
      return Read(in.checkpoint_decline());
    case v1::ToJobManager::kCommitConfirmed:
      return Read(in.commit_confirmed());
    case v1::ToJobManager::kSwept:
      return Read(in.swept());
    case v1::ToJobManager::kProbeResult:
      return Read(in.probe_result());
    case v1::ToJobManager::kAttemptReport:
      return Read(in.attempt_report());
    case v1::ToJobManager::MESSAGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "a control message of an unknown kind; is the TaskManager of another version?");
}

}  // namespace weir::control
