#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/config/diagnostics.h"
#include "common/job/job_spec.h"

namespace weir::taskmanager {

struct ConnectorRegistry;

/// What the systems outside say of a job before it is started.
struct PreflightReport {
  config::Diagnostics errors;      // the job would fail: at the places of the options
  std::vector<std::string> hints;  // it works, but
};

/// Asks the system outside whether a source or sink of a job can work there, and changes nothing in it that matters.
/// Thread: a thread of its own; blocks until `deadline` at most. What could not be found out is no error.
using Preflight = std::function<void(const job::JobSpec& spec, const job::Node& node, const Clock* clock,
                                     SteadyMicros deadline, PreflightReport* report)>;

/// All sources and sinks of a job at once, within `budget`. Errors in the order of the document. Blocks.
PreflightReport RunPreflight(const job::JobSpec& spec, const ConnectorRegistry& registry, const Clock* clock,
                             SteadyMicros budget);

/// What a refused submit says: a first line, then `LINE:COLUMN: MESSAGE` for each error. OK without errors.
absl::Status RefusalOf(const PreflightReport& report);
inline constexpr char kPreflightRefusal[] = "preflight: the job cannot work as things are:";

}  // namespace weir::taskmanager
