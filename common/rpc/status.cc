#include "common/rpc/status.h"

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"

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
  using Clock = std::chrono::steady_clock;
  static std::atomic<int64_t> next{0};
  static std::atomic<int64_t> silent{0};
  const int64_t now =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
          .count();
  int64_t due = next.load();
  if (now < due || !next.compare_exchange_strong(due, now + 1000)) {
    silent.fetch_add(1);
    return;
  }
  const int64_t left_out = silent.exchange(0);
  log::Warning(absl::StrCat(what, " refused: ", why.ToString(),
                            left_out > 0 ? absl::StrCat(" (and ", left_out, " more)") : ""),
               {{"peer", peer}});
}

}  // namespace weir::rpc
