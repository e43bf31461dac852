#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace weir::taskmanager::kafka::protocol {

/// As in the attributes of a record batch.
enum class Compression : int8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

/// What was compressed. Snappy both raw and in the frames of Java's client (xerial).
/// Errors: kDataLoss: damaged; kResourceExhausted: more than `most_bytes`.
absl::StatusOr<std::string> Decompress(Compression compression, std::string_view bytes, size_t most_bytes);

}  // namespace weir::taskmanager::kafka::protocol
