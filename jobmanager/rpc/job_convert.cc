#include "jobmanager/rpc/job_convert.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/control/proto/convert.h"
#include "weir/v1/jobs.pb.h"

namespace weir::jobmanager {
namespace {

// The wire has 0 for "not said", so its numbers are one above those of the enum.
static_assert(v1::JOB_FAILED == static_cast<int>(JobState::kFailed) + 1);
v1::JobState StateToProto(JobState state) {
  return static_cast<v1::JobState>(static_cast<int>(state) + 1);
}

absl::StatusOr<JobState> StateFromProto(int state) {
  if (state < v1::JOB_CREATED || state > v1::JOB_FAILED) {
    return absl::InvalidArgumentError(absl::StrCat("job state ", state, " is none"));
  }
  return static_cast<JobState>(state - 1);
}

CheckpointInfo CheckpointFromProto(const v1::CheckpointInfo& in) {
  CheckpointInfo out;
  out.id = CheckpointId(in.id());
  out.attempt = Attempt(in.attempt());
  out.savepoint = in.savepoint();
  out.path = in.path();
  out.completed_at_ms = in.completed_at_ms();
  out.duration_ms = in.duration_ms();
  out.size_bytes = in.size_bytes();
  return out;
}

absl::StatusOr<JobFailure> FailureFromProto(const v1::JobFailure& in) {
  JobFailure out;
  RETURN_IF_ERROR(control::FromProto(in.status(), &out.status));
  ASSIGN_OR_RETURN(out.domain, control::FailureDomainFromProto(in.domain()));
  out.where = in.where();
  out.at_ms = in.at_ms();
  return out;
}

absl::StatusOr<SubtaskStatus> SubtaskFromProto(const v1::SubtaskStatus& in) {
  SubtaskStatus out;
  out.name = in.name();
  ASSIGN_OR_RETURN(out.id, control::FromProto(in.id()));
  ASSIGN_OR_RETURN(out.state, control::SubtaskStateFromProto(in.state()));
  out.taskmanager = in.taskmanager();
  ASSIGN_OR_RETURN(out.metrics, control::FromProto(in.metrics()));
  return out;
}

}  // namespace

void ToProto(const SubmitRequest& in, v1::SubmitRequest* out) {
  out->set_spec(in.spec);
  out->set_from(in.from);
  out->set_unresolved(static_cast<v1::SubmitRequest::Unresolved>(in.unresolved));
}

absl::StatusOr<SubmitRequest> FromProto(const v1::SubmitRequest& in) {
  if (!v1::SubmitRequest::Unresolved_IsValid(in.unresolved())) {
    return absl::InvalidArgumentError(
        absl::StrCat("unresolved: ", in.unresolved(), " is none of refuse, skip, repeat"));
  }
  return SubmitRequest{in.spec(), in.from(), static_cast<Unresolved>(in.unresolved())};
}

void ToProto(const CheckpointInfo& in, v1::CheckpointInfo* out) {
  out->set_id(in.id.value);
  out->set_attempt(in.attempt.value);
  out->set_savepoint(in.savepoint);
  out->set_path(in.path);
  out->set_completed_at_ms(in.completed_at_ms);
  out->set_duration_ms(in.duration_ms);
  out->set_size_bytes(in.size_bytes);
}

absl::StatusOr<CheckpointInfo> FromProto(const v1::CheckpointInfo& in) {
  return CheckpointFromProto(in);
}

void ToProto(const std::vector<CheckpointInfo>& in, v1::CheckpointsReply* out) {
  for (const auto& one : in) ToProto(one, out->add_checkpoints());
}

absl::StatusOr<std::vector<CheckpointInfo>> FromProto(const v1::CheckpointsReply& in) {
  std::vector<CheckpointInfo> out;
  for (const auto& one : in.checkpoints()) out.push_back(CheckpointFromProto(one));
  return out;
}

void ToProto(const JobTransactions& in, v1::TransactionsReply* out) {
  out->set_id(in.id.value);
  out->set_name(in.name);
  out->set_at_ms(in.at_ms);
  for (const JobTransaction& one : in.transactions) {
    auto* added = out->add_transactions();
    added->set_id(one.id);
    added->set_sink(one.sink);
    added->set_subtask(one.subtask);
    added->set_state(static_cast<v1::TransactionsReply::State>(static_cast<int>(one.state) + 1));
    added->set_checkpoint(one.checkpoint.value);
    added->set_opened_at_ms(one.opened_at_ms);
    added->set_deadline_ms(one.deadline_ms);
    added->set_records(one.records);
  }
  for (const auto& sink : in.sinks) control::ToProto(sink, out->add_sinks());
}

absl::StatusOr<JobTransactions> FromProto(const v1::TransactionsReply& in) {
  JobTransactions out;
  out.id = JobId{in.id()};
  out.name = in.name();
  out.at_ms = in.at_ms();
  for (const auto& one : in.transactions()) {
    if (one.state() < v1::TransactionsReply::OPEN ||
        one.state() > v1::TransactionsReply::UNRESOLVED) {
      return absl::InvalidArgumentError(
          absl::StrCat("transaction state ", one.state(), " is none"));
    }
    out.transactions.push_back({one.id(), one.sink(), one.subtask(),
                                static_cast<JobTransaction::State>(one.state() - 1),
                                CheckpointId(one.checkpoint()), one.opened_at_ms(),
                                one.deadline_ms(), one.records()});
  }
  for (const auto& sink : in.sinks()) {
    ASSIGN_OR_RETURN(auto report, control::FromProto(sink));
    out.sinks.push_back(std::move(report));
  }
  return out;
}

void ToProto(const JobStatus& in, v1::JobStatus* out) {
  out->set_id(in.id.value);
  out->set_name(in.name);
  out->set_state(StateToProto(in.state));
  out->set_guarantee(in.guarantee);
  out->set_slots_needed(in.slots_needed);
  out->set_waiting_for_slots(in.waiting_for_slots);
  out->set_attempt(in.attempt.value);
  out->set_restarts(in.restarts);
  if (in.last_checkpoint) ToProto(*in.last_checkpoint, out->mutable_last_checkpoint());
  out->set_checkpoints_of_attempt(in.checkpoints_of_attempt);
  out->set_checkpoints_completed(in.checkpoints_completed);
  out->set_checkpoints_failed(in.checkpoints_failed);
  if (in.failure) {
    auto* failure = out->mutable_failure();
    control::ToProto(in.failure->status, failure->mutable_status());
    failure->set_domain(static_cast<v1::FailureDomain>(control::ToProto(in.failure->domain)));
    failure->set_where(in.failure->where);
    failure->set_at_ms(in.failure->at_ms);
  }
  for (const auto& task : in.tasks) {
    auto* added = out->add_tasks();
    added->set_name(task.name);
    control::ToProto(task.id, added->mutable_id());
    added->set_state(static_cast<v1::SubtaskState>(control::ToProto(task.state)));
    added->set_taskmanager(task.taskmanager);
    control::ToProto(task.metrics, added->mutable_metrics());
  }
  for (const auto& handle : in.pending) {
    auto* added = out->add_pending();
    added->set_sink(handle.sink);
    added->set_checkpoint(handle.checkpoint.value);
    added->set_owner_subtask(handle.owner_subtask);
    added->set_deadline_ms(handle.deadline_ms);
  }
  for (const auto& savepoint : in.savepoints) ToProto(savepoint, out->add_savepoints());
  out->set_submitted_at_ms(in.submitted_at_ms);
  out->set_ended_at_ms(in.ended_at_ms);
}

absl::StatusOr<JobStatus> FromProto(const v1::JobStatus& in) {
  JobStatus out;
  out.id = JobId{in.id()};
  out.name = in.name();
  ASSIGN_OR_RETURN(out.state, StateFromProto(in.state()));
  out.guarantee = in.guarantee();
  out.slots_needed = in.slots_needed();
  out.waiting_for_slots = in.waiting_for_slots();
  out.attempt = Attempt(in.attempt());
  out.restarts = in.restarts();
  if (in.has_last_checkpoint()) out.last_checkpoint = CheckpointFromProto(in.last_checkpoint());
  out.checkpoints_of_attempt = in.checkpoints_of_attempt();
  out.checkpoints_completed = in.checkpoints_completed();
  out.checkpoints_failed = in.checkpoints_failed();
  if (in.has_failure()) {
    ASSIGN_OR_RETURN(out.failure, FailureFromProto(in.failure()));
  }
  for (const auto& task : in.tasks()) {
    ASSIGN_OR_RETURN(auto converted, SubtaskFromProto(task));
    out.tasks.push_back(std::move(converted));
  }
  for (const auto& handle : in.pending()) {
    out.pending.push_back({handle.sink(), CheckpointId(handle.checkpoint()), handle.owner_subtask(),
                           handle.deadline_ms()});
  }
  for (const auto& savepoint : in.savepoints())
    out.savepoints.push_back(CheckpointFromProto(savepoint));
  out.submitted_at_ms = in.submitted_at_ms();
  out.ended_at_ms = in.ended_at_ms();
  return out;
}

void ToProto(const std::vector<JobSummary>& in, v1::ListReply* out) {
  for (const auto& job : in) {
    auto* added = out->add_jobs();
    added->set_id(job.id.value);
    added->set_name(job.name);
    added->set_state(StateToProto(job.state));
    added->set_attempt(job.attempt.value);
    added->set_submitted_at_ms(job.submitted_at_ms);
    added->set_ended_at_ms(job.ended_at_ms);
    added->set_failure(job.failure);
  }
}

absl::StatusOr<std::vector<JobSummary>> FromProto(const v1::ListReply& in) {
  std::vector<JobSummary> out;
  for (const auto& job : in.jobs()) {
    ASSIGN_OR_RETURN(const JobState state, StateFromProto(job.state()));
    out.push_back({JobId{job.id()}, job.name(), state, Attempt(job.attempt()),
                   job.submitted_at_ms(), job.ended_at_ms(), job.failure()});
  }
  return out;
}

void ToProto(const ClusterInfo& in, v1::ClusterInfo* out) {
  out->set_epoch(in.epoch.value);
  out->set_build_id(in.build_id);
  out->set_checkpoint_storage(in.checkpoint_storage);
  out->set_slots(in.slots);
  out->set_free_slots(in.free_slots);
  for (const auto& one : in.taskmanagers) {
    auto* added = out->add_taskmanagers();
    added->set_name(one.name);
    added->set_address(one.address);
    added->set_state(one.state);
    added->set_slots(one.slots);
    added->set_free_slots(one.free_slots);
    added->set_build_id(one.build_id);
    added->set_silent_ms(one.silent_ms);
  }
}

absl::StatusOr<ClusterInfo> FromProto(const v1::ClusterInfo& in) {
  ClusterInfo out;
  out.epoch = LeaderEpoch(in.epoch());
  out.build_id = in.build_id();
  out.checkpoint_storage = in.checkpoint_storage();
  out.slots = in.slots();
  out.free_slots = in.free_slots();
  for (const auto& one : in.taskmanagers()) {
    out.taskmanagers.push_back({one.name(), one.address(), one.state(), one.slots(),
                                one.free_slots(), one.build_id(), one.silent_ms()});
  }
  return out;
}

}  // namespace weir::jobmanager
