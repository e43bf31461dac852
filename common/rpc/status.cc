#include "common/rpc/status.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/status.h>

#include "absl/strings/str_cat.h"
#include "common/security/refusals.h"

namespace weir::rpc {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(status.message());
  if (message.size() > kMaxStatusBytes) {
    message.resize(kMaxStatusBytes);
    message += "… (cut)";
  }
  return {static_cast<grpc::StatusCode>(status.code()), message};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

absl::Status Parse(const grpc::ByteBuffer& bytes, const char* what,
                   google::protobuf::MessageLite* out) {
  grpc::ByteBuffer copy(bytes);  // shares the slices; the reader wants one that it may change
  grpc::ProtoBufferReader reader(&copy);
  if (!reader.status().ok() || !out->ParseFromZeroCopyStream(&reader)) {
    return absl::InvalidArgumentError(
        absl::StrCat("malformed request: ", bytes.Length(), " bytes that are not a ", what));
  }
  return absl::OkStatus();
}

void Serialize(const google::protobuf::MessageLite& message, grpc::ByteBuffer* out) {
  const grpc::Slice slice(message.SerializeAsString());
  *out = grpc::ByteBuffer(&slice, 1);
}

void LogRefused(const char* what, const absl::Status& why, const char* peer) {
  security::Refuse(security::Refusal::kMalformed, absl::StrCat(what, ": ", why.ToString()), peer);
}

}  // namespace weir::rpc
