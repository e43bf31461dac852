#pragma once

#include <map>
#include <string>

#include "common/config/diagnostics.h"
#include "common/config/value.h"

namespace weir::config {

/// Names and values; injected, so that tests do not depend on the process.
using Environment = std::map<std::string, std::string>;

/// The process's. Thread: as long as nobody changes the environment.
Environment ProcessEnvironment();

/// Expands `${env:NAME}` and `${env:NAME:-default}` (also when NAME is empty) in every scalar
/// value, never in keys; what was expanded is not expanded again, and a plain scalar is typed anew.
/// Unset without a default is an error.
void ExpandEnvironment(const Environment& environment, Value* value, Diagnostics* diagnostics);

}  // namespace weir::config
