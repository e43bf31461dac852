#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "jobmanager/job_api.h"

namespace weir::v1 {
class CheckpointInfo;
class CheckpointsReply;
class ClusterInfo;
class JobStatus;
class ListReply;
class SubmitRequest;
class TransactionsReply;
}  // namespace weir::v1

namespace weir::jobmanager {

/// The structs of JobApi as protobuf, and back; the service and the command line's client share it.
/// Thread: pure functions.
/// Errors: from protobuf: kInvalidArgument names what is out of range.
void ToProto(const SubmitRequest& in, v1::SubmitRequest* out);
void ToProto(const CheckpointInfo& in, v1::CheckpointInfo* out);
void ToProto(const std::vector<CheckpointInfo>& in, v1::CheckpointsReply* out);
void ToProto(const JobTransactions& in, v1::TransactionsReply* out);
void ToProto(const JobStatus& in, v1::JobStatus* out);
void ToProto(const std::vector<JobSummary>& in, v1::ListReply* out);
void ToProto(const ClusterInfo& in, v1::ClusterInfo* out);

absl::StatusOr<SubmitRequest> FromProto(const v1::SubmitRequest& in);
absl::StatusOr<CheckpointInfo> FromProto(const v1::CheckpointInfo& in);
absl::StatusOr<std::vector<CheckpointInfo>> FromProto(const v1::CheckpointsReply& in);
absl::StatusOr<JobTransactions> FromProto(const v1::TransactionsReply& in);
absl::StatusOr<JobStatus> FromProto(const v1::JobStatus& in);
absl::StatusOr<std::vector<JobSummary>> FromProto(const v1::ListReply& in);
absl::StatusOr<ClusterInfo> FromProto(const v1::ClusterInfo& in);

}  // namespace weir::jobmanager
