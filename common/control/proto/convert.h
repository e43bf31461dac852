#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/control/messages.h"

namespace weir::v1 {
class Status;
class Subtask;
class SubtaskMetrics;
class SinkReport;
class ToJobManager;
class ToTaskManager;
}  // namespace weir::v1

namespace weir::control {

/// The control messages as protobuf, and back.
///
/// Thread:  pure functions.
/// Errors:  from protobuf: kInvalidArgument names what is missing or out of range; nothing a peer
/// sends can do more.
void ToProto(const ToJobManager& message, v1::ToJobManager* out);
void ToProto(const ToTaskManager& message, v1::ToTaskManager* out);
absl::StatusOr<ToJobManager> FromProto(const v1::ToJobManager& message);
absl::StatusOr<ToTaskManager> FromProto(const v1::ToTaskManager& message);

/// Parts that the calls of the command line share.
void ToProto(const absl::Status& status, v1::Status* out);
void ToProto(const SubtaskId& subtask, v1::Subtask* out);
void ToProto(const SubtaskMetrics& metrics, v1::SubtaskMetrics* out);
void ToProto(const SinkReport& report, v1::SinkReport* out);
/// Numbers of v1.SubtaskState and v1.FailureDomain.
int ToProto(SubtaskState state);
int ToProto(FailureDomain domain);
/// Returns whether `status` is well formed; `out` is what it says.
absl::Status FromProto(const v1::Status& status, absl::Status* out);
absl::StatusOr<SubtaskId> FromProto(const v1::Subtask& subtask);
absl::StatusOr<SubtaskMetrics> FromProto(const v1::SubtaskMetrics& metrics);
absl::StatusOr<SinkReport> FromProto(const v1::SinkReport& report);
absl::StatusOr<SubtaskState> SubtaskStateFromProto(int state);
absl::StatusOr<FailureDomain> FailureDomainFromProto(int domain);

}  // namespace weir::control
