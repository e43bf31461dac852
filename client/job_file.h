#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/terminal/progress.h"
#include "common/config/diagnostics.h"
#include "common/plan/plan.h"

namespace weir::client {

/// A job file, read and compiled here before anything is asked of a cluster.
struct JobFile {
  std::string path;
  std::string text;
  config::Diagnostics diagnostics;
  /// Null when there are diagnostics.
  std::shared_ptr<const job::JobSpec> spec;
  std::shared_ptr<const plan::ExecutionPlan> plan;
};

/// Reads, checks and plans a job file; `parallelism` (0: none) takes the place of the file's own.
/// `${env:…}` is expanded from this process's environment, and a relative path of a file connector
/// is made absolute, because the processes that will open it run elsewhere.
///
/// Errors:  kInvalidArgument: the file cannot be read. What is wrong in it goes into `diagnostics`.
absl::StatusOr<JobFile> LoadJobFile(const std::string& path, int parallelism,
                                    const job::ConnectorCatalog& catalog);

/// The job as it is submitted.
std::string Serialize(const JobFile& file);
JobEnds EndsOf(const JobFile& file);
/// `FILE:LINE:COLUMN: error: MESSAGE`, the source line and a caret, for everything that is wrong.
std::string RenderDiagnostics(const JobFile& file);

}  // namespace weir::client
