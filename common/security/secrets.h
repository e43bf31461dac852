#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/value.h"

namespace weir::security {

/// Replaces `${secret:name}` in the scalar values of `options` by the text of the file `name` in
/// `folder` (one line break at its end is left out). What was replaced is not expanded again.
///
/// Thread:  blocks on the files.
/// Bound:   a file of at most 64 KiB.
/// Errors:  kInvalidArgument: not a name, no such file, or no folder is configured; never with what
///          is in a file.
absl::Status ResolveSecrets(const std::string& folder, config::Value* options);

/// Whether there is such a reference in it.
bool RefersToSecrets(const config::Value& options);

/// Letters, digits, `_`, `-` and `.`, not first: one file of the folder.
bool IsSecretName(std::string_view name);

}  // namespace weir::security
