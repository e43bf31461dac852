#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include <string>

#include "absl/status/status.h"
#include "common/rpc/status.h"
#include "jobmanager/not_leading.h"

namespace weir::jobmanager {

/// The trailer by which a client tells our answers from those that gRPC made up.
inline constexpr char kOurStatusKey[] = "weir-status";
/// Its value: whether another JobManager is to be asked.
inline const char* OurStatusValue(const absl::Status& status) {
  return IsNotLeading(status) ? "not-leading" : "1";
}

using BidiReactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

/// Ends a call at once, before anything of it is read.
class Refusal final : public BidiReactor {
 public:
  Refusal(grpc::CallbackServerContext* context, const absl::Status& why) {
    context->AddTrailingMetadata(kOurStatusKey, OurStatusValue(why));
    Finish(rpc::ToGrpc(why));
  }
  void OnDone() override { delete this; }
};

/// What a caller sent as its credential.
inline std::string AuthorizationOf(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("authorization");
  return it == metadata.end() ? "" : std::string(it->second.data(), it->second.size());
}

}  // namespace weir::jobmanager
