#pragma once

#include <string>
#include <vector>

#include "client/terminal/progress.h"
#include "jobmanager/job_api.h"

namespace weir::client {

/// What `-o json` prints (job-spec, section 2). One line each, without the line's end.
std::string StatusJson(const jobmanager::JobStatus& status);
/// The status of a job that was followed, with `rows_in`, `rows_out`, `elapsed_ms` of the whole
/// job.
std::string FollowedJson(const jobmanager::JobStatus& status, const ProgressTotals& totals);
std::string ListJson(const std::vector<jobmanager::JobSummary>& jobs);
std::string CheckpointJson(const jobmanager::CheckpointInfo& checkpoint);
std::string CheckpointsJson(const std::vector<jobmanager::CheckpointInfo>& checkpoints);
std::string TransactionsJson(const jobmanager::JobTransactions& transactions);
std::string ClusterJson(const jobmanager::ClusterInfo& cluster);

}  // namespace weir::client
