#pragma once

#include "absl/status/status.h"
#include "client/context.h"
#include "jobmanager/job_api.h"

namespace weir::client {

struct JobFile;

/// How long a JobManager may take to answer what it knows without doing anything.
inline constexpr int64_t kAnswerMs = 15'000;

/// Prints the error of a call and returns its exit code.
int Fail(const Context& context, const absl::Status& status);

/// The status of a job by name or id, within kAnswerMs.
absl::StatusOr<jobmanager::JobStatus> GetStatus(const Context& context, const std::string& job);

/// Prints everything that is wrong in a job file; returns 78.
int ReportDiagnostics(const Context& context, const JobFile& file);

/// Prints why a submit was refused, with the places in the file where it is about options; returns the
/// exit code.
int FailSubmit(const Context& context, const JobFile& file, const absl::Status& status);

/// Prints why a job that was followed ended, and returns 0 if it FINISHED, else 1.
int ReportEnd(const Context& context, const jobmanager::JobStatus& status);

}  // namespace weir::client
