#pragma once

#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"
#include "common/control/messages.h"
#include "weir/v1/control.pb.h"

namespace weir::control {

// Parts of messages, shared by the two directions. As in convert.h.
void ToProto(const Fence& fence, v1::Fence* out);
void ToProto(const SubtaskPlacement& placement, v1::Placement* out);
void ToProto(const checkpoint::FileRef& file, v1::Snapshot::File* out);
void ToProto(const checkpoint::SourceSplits& source, v1::SplitList* out);
void ToProto(const checkpoint::SubtaskSnapshot& snapshot, v1::Snapshot* out);

absl::StatusOr<Fence> FromProto(const v1::Fence& fence);
absl::StatusOr<SubtaskPlacement> FromProto(const v1::Placement& placement);
checkpoint::FileRef FromProto(const v1::Snapshot::File& file);
checkpoint::SourceSplits FromProto(const v1::SplitList& source);
absl::StatusOr<checkpoint::SubtaskSnapshot> FromProto(const v1::Snapshot& snapshot);

/// `message`.fence(), which every message but those of registration has.
template <typename Message>
absl::StatusOr<Fence> FenceOf(const Message& message) {
  if (!message.has_fence()) return absl::InvalidArgumentError("a control message has no fence");
  return FromProto(message.fence());
}

absl::StatusOr<absl::StatusCode> StatusCodeFromProto(int code);

}  // namespace weir::control
