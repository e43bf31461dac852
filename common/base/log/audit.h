#pragma once

#include "common/base/log/log.h"

namespace weir::log {

/// Writes one event of the category `audit`, whatever the least level is: who did what to which
/// job. Thread: thread-safe.
void Audit(std::string_view message, const Fields& fields);

}  // namespace weir::log
