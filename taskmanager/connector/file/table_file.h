#pragma once

#include "absl/status/statusor.h"
#include "taskmanager/connector/bounded_table.h"
#include "taskmanager/connector/source_reader.h"

namespace weir::taskmanager::file {

/// Reads the whole file that `path` of the context's node names, as rows of the context's schema.
///
/// Thread:  any. Blocks.
/// Errors:  kInvalidArgument: no such file, not below the allowed roots, more than kMaxTableBytes, or a row that cannot
///          be decoded, with `path:line`. kUnavailable: it cannot be read now.
absl::StatusOr<BoundedTable> ReadTable(const SourceContext& context);

inline constexpr int64_t kMaxTableBytes = int64_t{1} << 30;

}  // namespace weir::taskmanager::file
