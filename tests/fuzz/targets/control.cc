// What the gRPC services of JobManager and TaskManagers take: the first byte tells the message.
#include <string>

#include <google/protobuf/stubs/logging.h>

#include "common/control/proto/convert.h"
#include "jobmanager/rpc/job_convert.h"
#include "tests/fuzz/fuzz_target.h"
#include "weir/v1/control.pb.h"
#include "weir/v1/jobs.pb.h"

namespace {

template <typename Proto, typename Converter>
void RoundTrip(std::string_view bytes, Converter from_proto) {
  Proto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto message = from_proto(proto);
  if (!message.ok()) return;
  Proto out;
  ToProto(*message, &out);
  const auto again = from_proto(out);
  weir::fuzz::Expect(again.ok(), "what was taken can be sent on");
  Proto out_again;
  ToProto(*again, &out_again);
  weir::fuzz::Expect(out.SerializeAsString() == out_again.SerializeAsString(), "and is the same");
}

}  // namespace

WEIR_FUZZ_TARGET(control, input) {
  static const auto quiet = google::protobuf::SetLogHandler(nullptr);
  (void)quiet;
  using namespace weir;
  if (input.empty()) return;
  const std::string_view bytes = input.substr(1);
  const auto control = [](const auto& proto) { return control::FromProto(proto); };
  const auto jobs = [](const auto& proto) { return jobmanager::FromProto(proto); };
  switch (static_cast<uint8_t>(input[0]) % 6) {
    case 0:
      return RoundTrip<v1::ToJobManager>(bytes, control);
    case 1:
      return RoundTrip<v1::ToTaskManager>(bytes, control);
    case 2:
      return RoundTrip<v1::SubmitRequest>(bytes, jobs);
    case 3:
      return RoundTrip<v1::JobStatus>(bytes, jobs);
    case 4:
      return RoundTrip<v1::CheckpointsReply>(bytes, jobs);
    default:
      return RoundTrip<v1::ClusterInfo>(bytes, jobs);
  }
}
