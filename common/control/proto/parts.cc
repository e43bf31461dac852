#include "common/control/proto/parts.h"

#include "absl/strings/str_cat.h"
#include "common/base/loss.h"
#include "common/base/status_macros.h"
#include "common/control/proto/convert.h"

namespace weir::control {

void ToProto(const Fence& fence, v1::Fence* out) {
  out->set_epoch(fence.epoch.value);
  out->set_job(fence.job.value);
  out->set_attempt(fence.attempt.value);
}

absl::StatusOr<Fence> FromProto(const v1::Fence& fence) {
  if (fence.job().empty()) return absl::InvalidArgumentError("a control message names no job");
  return Fence{LeaderEpoch(fence.epoch()), JobId{fence.job()}, Attempt(fence.attempt())};
}

void ToProto(const SubtaskPlacement& placement, v1::Placement* out) {
  ToProto(placement.subtask, out->mutable_subtask());
  out->set_taskmanager(placement.taskmanager);
  out->set_address(placement.address);
  out->set_incarnation(placement.incarnation.value);
}

absl::StatusOr<SubtaskPlacement> FromProto(const v1::Placement& placement) {
  ASSIGN_OR_RETURN(const SubtaskId id, FromProto(placement.subtask()));
  return SubtaskPlacement{id, placement.taskmanager(), placement.address(),
                          Incarnation(placement.incarnation())};
}

void ToProto(const absl::Status& status, v1::Status* out) {
  out->set_code(static_cast<int>(status.code()));
  out->set_message(std::string(status.message()));
  out->set_loss(static_cast<v1::Loss>(LossOf(status)));
}

absl::StatusOr<absl::StatusCode> StatusCodeFromProto(int code) {
  if (code < 0 || code > static_cast<int>(absl::StatusCode::kUnauthenticated)) {
    return absl::InvalidArgumentError(absl::StrCat("status code ", code, " is none"));
  }
  return static_cast<absl::StatusCode>(code);
}

absl::Status FromProto(const v1::Status& status, absl::Status* out) {
  ASSIGN_OR_RETURN(const absl::StatusCode code, StatusCodeFromProto(status.code()));
  if (!v1::Loss_IsValid(status.loss())) {
    return absl::InvalidArgumentError(absl::StrCat("loss ", static_cast<int>(status.loss()), " is none"));
  }
  *out = WithLoss(absl::Status(code, status.message()), static_cast<Loss>(status.loss()));
  return absl::OkStatus();
}

void ToProto(const SubtaskId& subtask, v1::Subtask* out) {
  out->set_task(subtask.task);
  out->set_index(subtask.index);
}

absl::StatusOr<SubtaskId> FromProto(const v1::Subtask& subtask) {
  if (subtask.task() < 0 || subtask.index() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("subtask ", subtask.task(), "/", subtask.index(), " is negative"));
  }
  return SubtaskId{subtask.task(), subtask.index()};
}

void ToProto(const SubtaskMetrics& metrics, v1::SubtaskMetrics* out) {
  ToProto(metrics.subtask, out->mutable_subtask());
  out->set_rows_in(metrics.rows_in);
  out->set_rows_out(metrics.rows_out);
  out->set_bytes_in(metrics.bytes_in);
  out->set_bytes_out(metrics.bytes_out);
  out->set_skipped_rows(metrics.skipped_rows);
  out->set_late_rows(metrics.late_rows);
  out->set_error_rows(metrics.error_rows);
  out->set_watermark(metrics.watermark);
  out->set_busy_micros(metrics.busy_micros);
  out->set_backpressured_micros(metrics.backpressured_micros);
  out->set_state_bytes(metrics.state_bytes);
  out->set_lag_records(metrics.lag_records);
}

absl::StatusOr<SubtaskMetrics> FromProto(const v1::SubtaskMetrics& in) {
  SubtaskMetrics metrics;
  ASSIGN_OR_RETURN(metrics.subtask, FromProto(in.subtask()));
  metrics.rows_in = in.rows_in();
  metrics.rows_out = in.rows_out();
  metrics.bytes_in = in.bytes_in();
  metrics.bytes_out = in.bytes_out();
  metrics.skipped_rows = in.skipped_rows();
  metrics.late_rows = in.late_rows();
  metrics.error_rows = in.error_rows();
  metrics.watermark = in.watermark();
  metrics.busy_micros = in.busy_micros();
  metrics.backpressured_micros = in.backpressured_micros();
  metrics.state_bytes = in.state_bytes();
  metrics.lag_records = in.lag_records();
  return metrics;
}

void ToProto(const SinkReport& report, v1::SinkReport* out) {
  ToProto(report.subtask, out->mutable_subtask());
  out->set_sink(report.sink);
  for (const TransactionInfo& open : report.transactions.open) {
    auto* added = out->add_open();
    added->set_id(open.id);
    added->set_state(static_cast<v1::TransactionState>(static_cast<int>(open.state) + 1));
    added->set_checkpoint(open.checkpoint.value);
    added->set_opened_at_ms(open.opened_at_ms);
    added->set_deadline_ms(open.deadline_ms);
    added->set_records(open.records);
  }
  out->set_commits(report.transactions.commits);
  out->set_repairs(report.transactions.repairs);
  out->set_commit_micros(report.transactions.commit_micros);
  out->set_last_commit_micros(report.transactions.last_commit_micros);
}

absl::StatusOr<SinkReport> FromProto(const v1::SinkReport& in) {
  SinkReport report;
  ASSIGN_OR_RETURN(report.subtask, FromProto(in.subtask()));
  report.sink = in.sink();
  for (const auto& open : in.open()) {
    if (open.state() < v1::TRANSACTION_OPEN || open.state() > v1::TRANSACTION_PREPARED) {
      return absl::InvalidArgumentError(absl::StrCat("transaction state ", open.state(), " is none"));
    }
    report.transactions.open.push_back(
        {open.id(), static_cast<TransactionInfo::State>(open.state() - 1),
         CheckpointId(open.checkpoint()), open.opened_at_ms(), open.deadline_ms(), open.records()});
  }
  report.transactions.commits = in.commits();
  report.transactions.repairs = in.repairs();
  report.transactions.commit_micros = in.commit_micros();
  report.transactions.last_commit_micros = in.last_commit_micros();
  return report;
}

// The wire has 0 for "not said", so the numbers are one above those of the enums.
static_assert(v1::SUBTASK_CANCELLED == static_cast<int>(SubtaskState::kCancelled) + 1);
static_assert(v1::FAILURE_EXTERNAL == static_cast<int>(FailureDomain::kExternal) + 1);

int ToProto(SubtaskState state) { return static_cast<int>(state) + 1; }
int ToProto(FailureDomain domain) { return static_cast<int>(domain) + 1; }

absl::StatusOr<SubtaskState> SubtaskStateFromProto(int state) {
  if (state < v1::SUBTASK_DEPLOYING || state > v1::SUBTASK_CANCELLED) {
    return absl::InvalidArgumentError(absl::StrCat("subtask state ", state, " is none"));
  }
  return static_cast<SubtaskState>(state - 1);
}

absl::StatusOr<FailureDomain> FailureDomainFromProto(int domain) {
  if (domain < v1::FAILURE_INTERNAL || domain > v1::FAILURE_EXTERNAL) {
    return absl::InvalidArgumentError(absl::StrCat("failure domain ", domain, " is none"));
  }
  return static_cast<FailureDomain>(domain - 1);
}

void ToProto(const checkpoint::FileRef& file, v1::Snapshot::File* out) {
  out->set_path(file.path);
  out->set_size_bytes(file.size_bytes);
  out->set_crc32c(file.crc32c);
}

checkpoint::FileRef FromProto(const v1::Snapshot::File& file) {
  return {file.path(), file.size_bytes(), file.crc32c()};
}

void ToProto(const checkpoint::SourceSplits& source, v1::SplitList* out) {
  out->set_node(source.node);
  for (const auto& split : source.splits) {
    auto* added = out->add_splits();
    added->set_payload(split.payload);
    added->set_group(split.group);
  }
}

checkpoint::SourceSplits FromProto(const v1::SplitList& in) {
  checkpoint::SourceSplits source;
  source.node = in.node();
  for (const auto& split : in.splits()) source.splits.push_back({split.payload(), split.group()});
  return source;
}

namespace {

void ToProto(const checkpoint::KeyedSnapshot& keyed, v1::Snapshot::Keyed* out) {
  out->set_range_begin(keyed.range.begin);
  out->set_range_end(keyed.range.end);
  out->set_base_kind(keyed.base_kind);
  for (const auto& file : keyed.base) control::ToProto(file, out->add_base());
  for (const auto& name : keyed.base_names) out->add_base_names(name);
  for (const auto& delta : keyed.deltas) {
    auto* added = out->add_deltas();
    added->set_checkpoint(delta.checkpoint.value);
    control::ToProto(delta.file, added->mutable_file());
    added->set_bytes(delta.bytes);
  }
}

checkpoint::KeyedSnapshot FromProto(const v1::Snapshot::Keyed& in) {
  checkpoint::KeyedSnapshot keyed;
  keyed.range = {in.range_begin(), in.range_end()};
  keyed.base_kind = in.base_kind();
  for (const auto& file : in.base()) keyed.base.push_back(control::FromProto(file));
  keyed.base_names.assign(in.base_names().begin(), in.base_names().end());
  for (const auto& delta : in.deltas()) {
    keyed.deltas.push_back(
        {CheckpointId(delta.checkpoint()), control::FromProto(delta.file()), delta.bytes()});
  }
  return keyed;
}

void ToProto(const checkpoint::OperatorSnapshot& in, v1::Snapshot::Operator* out) {
  out->set_node(in.node);
  out->set_watermark(in.watermark);
  out->set_bytes(in.bytes);
  for (const auto& split : in.splits) {
    auto* added = out->add_splits();
    added->set_split(split.split);
    added->set_position(split.position);
    added->set_ended(split.ended);
    added->set_watermark(split.watermark);
  }
  for (const auto& handle : in.handles) {
    auto* added = out->add_handles();
    added->set_checkpoint(handle.checkpoint.value);
    added->set_owner_subtask(handle.owner_subtask);
    added->set_connector(handle.connector);
    added->set_bytes(handle.bytes);
    added->set_deadline_ms(handle.deadline_ms);
    for (const auto& file : handle.files) control::ToProto(file, added->add_files());
  }
  for (const auto& keyed : in.keyed) ToProto(keyed, out->add_keyed());
}

absl::StatusOr<checkpoint::OperatorSnapshot> FromProto(const v1::Snapshot::Operator& in) {
  checkpoint::OperatorSnapshot out;
  out.node = in.node();
  out.watermark = in.watermark();
  out.bytes = in.bytes();
  for (const auto& split : in.splits()) {
    out.splits.push_back({split.split(), split.position(), split.ended(), split.watermark()});
  }
  for (const auto& handle : in.handles()) {
    out.handles.push_back({CheckpointId(handle.checkpoint()), handle.owner_subtask(),
                           handle.connector(), handle.bytes(), handle.deadline_ms(), {}});
    for (const auto& file : handle.files()) out.handles.back().files.push_back(control::FromProto(file));
  }
  if (in.keyed_size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("operator ", in.node(), " has ", in.keyed_size(), " keyed states"));
  }
  for (const auto& keyed : in.keyed()) {
    if (keyed.range_begin() < 0 || keyed.range_end() < keyed.range_begin()) {
      return absl::InvalidArgumentError(
          absl::StrCat("operator ", in.node(), " has a wrong range of key groups"));
    }
    if (keyed.base_names_size() != 0 && keyed.base_names_size() != keyed.base_size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("operator ", in.node(), " names not each base file"));
    }
    out.keyed.push_back(FromProto(keyed));
  }
  return out;
}

}  // namespace

void ToProto(const checkpoint::SubtaskSnapshot& snapshot, v1::Snapshot* out) {
  ToProto(snapshot.subtask, out->mutable_subtask());
  out->set_ended(snapshot.ended);
  for (const auto& one : snapshot.operators) ToProto(one, out->add_operators());
}

absl::StatusOr<checkpoint::SubtaskSnapshot> FromProto(const v1::Snapshot& in) {
  checkpoint::SubtaskSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.subtask, FromProto(in.subtask()));
  snapshot.ended = in.ended();
  for (const auto& one : in.operators()) {
    ASSIGN_OR_RETURN(auto converted, FromProto(one));
    snapshot.operators.push_back(std::move(converted));
  }
  return snapshot;
}

}  // namespace weir::control
