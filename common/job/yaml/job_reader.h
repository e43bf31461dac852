#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/config/diagnostics.h"
#include "common/config/yaml/environment.h"
#include "common/job/connector_descriptor.h"
#include "common/job/job_spec.h"

namespace weir::job {

/// Reads a job file: YAML, `${env:…}` expanded, defaults filled in.
///
/// Thread:  any.
/// Shape:   the result is what could be read, also when `diagnostics` has errors, so that
/// validation can find the rest.
///          Hand it to plan::MakePlan with the same `diagnostics` whatever they hold, then print
///          all with config::Render.
/// Errors:  a YAML syntax error (or a broken limit) is reported alone, and nothing is returned.
std::optional<JobSpec> ReadJob(std::string_view yaml, const config::Environment& environment,
                               const ConnectorCatalog& catalog, config::Diagnostics* diagnostics);

}  // namespace weir::job
