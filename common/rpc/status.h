#pragma once

#include "absl/status/status.h"

namespace grpc {
class Status;
class ByteBuffer;
}  // namespace grpc
namespace google::protobuf {
class MessageLite;
}

namespace weir::rpc {

/// absl and gRPC have the same codes. A message longer than kMaxStatusBytes is cut: it travels in
/// the trailer, which has a bound. Thread: pure functions.
inline constexpr size_t kMaxStatusBytes = 32 * 1024;
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

/// Reads a message from raw bytes: kInvalidArgument `what` when they are not one. (The generated
/// server code would answer UNIMPLEMENTED without a word.)
absl::Status Parse(const grpc::ByteBuffer& bytes, const char* what,
                   google::protobuf::MessageLite* out);
void Serialize(const google::protobuf::MessageLite& message, grpc::ByteBuffer* out);

/// Counts and logs a peer's wrong call: ten lines at once in the process, then one a second,
/// whatever peers do. Thread-safe.
void LogRefused(const char* what, const absl::Status& why, const char* peer);

}  // namespace weir::rpc
