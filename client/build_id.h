#pragma once

#include <string>

namespace weir::client {

/// Hash over the contents of the sources: equal for equal sources, wherever they were built. A
/// TaskManager of another build is refused, because both ends derive the plan of a job by the same
/// code.
const std::string& BuildId();
/// `0.1.0`.
const std::string& VersionText();

}  // namespace weir::client
