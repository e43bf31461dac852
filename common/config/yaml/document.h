#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/config/diagnostics.h"
#include "common/config/value.h"

namespace weir::config {

/// What a document may cost; more is refused. Aliases count as often as they are used.
struct DocumentLimits {
  size_t bytes = 1 << 20;
  int depth = 64;
  size_t nodes = 50'000;
};

/// Reads one YAML document with the place of every node.
///
/// Thread:  any.
/// Errors:  a syntax error, a broken limit: nothing is returned, and the one diagnostic says why.
/// Duplicate keys, keys
///          that are no scalars, merge keys and tags of one's own are reported, and the rest is
///          returned (of duplicates the first).
std::optional<Value> ParseYaml(std::string_view text, Diagnostics* diagnostics,
                               const DocumentLimits& limits = {});

/// Every diagnostic in the order of the document: `FILE:LINE:COLUMN: error: MESSAGE`, the source
/// line, a caret. `text` is what was parsed; places inside a scalar (Diagnostic::offset) are found
/// in it.
std::string Render(std::string_view file, std::string_view text, const Diagnostics& diagnostics);

/// Where byte `offset` of the scalar at `location` stands in the document; `location` where it
/// cannot be told.
Location PlaceInScalar(std::string_view text, Location location, int64_t offset);

/// The file's text. kInvalidArgument: cannot be read, or larger than `limit` (nothing more is read
/// then).
absl::StatusOr<std::string> ReadTextFile(const std::string& path,
                                         size_t limit = DocumentLimits{}.bytes);

}  // namespace weir::config
