#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"

namespace weir::checkpoint {

/// The manifest as the bytes of its file: magic, version, length, CRC-32C, then the fields.
/// Equal manifests give equal bytes.
std::string EncodeManifest(const Manifest& manifest);

/// The inverse. `what` names the file in messages. kDataLoss: truncated, changed, or not a manifest
/// at all; kFailedPrecondition: sound, but of a version that this build does not read.
absl::StatusOr<Manifest> DecodeManifest(std::string_view bytes, std::string_view what);

/// One subtask's part in the same form, framed and checked like a manifest: how it travels in an
/// acknowledgement.
std::string EncodeSubtaskSnapshot(const SubtaskSnapshot& snapshot);
absl::StatusOr<SubtaskSnapshot> DecodeSubtaskSnapshot(std::string_view bytes,
                                                      std::string_view what);

}  // namespace weir::checkpoint
