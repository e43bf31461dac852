#pragma once

#include <vector>

#include "common/config/keys.h"
#include "common/job/job_spec.h"

namespace weir::job {

/// The keys of a job file, section by section: lint, defaults and documentation come from these
/// lists. What a connector adds is in its ConnectorTraits.
const std::vector<config::KeySpec>& JobKeys();
const std::vector<config::KeySpec>& CheckpointKeys();
const std::vector<config::KeySpec>& RestartKeys();
const std::vector<config::KeySpec>& StateKeys();
/// Of every source (sink), whatever its type.
const std::vector<config::KeySpec>& SourceKeys();
const std::vector<config::KeySpec>& SinkKeys();
/// Of an operator of that type; nothing: what all have.
const std::vector<config::KeySpec>& OperatorKeys(std::optional<OperatorType> type);
const std::vector<config::KeySpec>& SourceFormatKeys();
const std::vector<config::KeySpec>& SinkFormatKeys();
const std::vector<config::KeySpec>& EventTimeKeys();
const std::vector<config::KeySpec>& WindowKeys();
/// Of a lookup_join's `table`, an interval_join's `within`.
const std::vector<config::KeySpec>& TableKeys();
const std::vector<config::KeySpec>& WithinKeys();

/// `filter`, `select`, …
std::vector<std::string> OperatorTypeNames();

}  // namespace weir::job
