// Answers of Kafka's brokers: the first byte tells the request, the second its version.
#include "taskmanager/connector/kafka/protocol/frame.h"
#include "taskmanager/connector/kafka/protocol/messages.h"
#include "taskmanager/connector/kafka/protocol/scram.h"
#include "tests/fuzz/fuzz_target.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

template <typename... Requests>
void Decode(size_t which, uint8_t version, std::string_view answer) {
  size_t at = 0;
  const auto one = [&]<typename Request>(const Request*) {
    if (at++ != which % sizeof...(Requests)) return;
    const Api& api = Request::kApi;
    const auto spoken = static_cast<int16_t>(api.oldest + version % (api.newest - api.oldest + 1));
    (void)DecodeResponse<Request>(spoken, 7, answer);
  };
  (one(static_cast<const Requests*>(nullptr)), ...);
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol

WEIR_FUZZ_TARGET(kafka_answer, input) {
  using namespace weir::taskmanager::kafka::protocol;
  if (input.size() < 2) return;
  Decode<ApiVersionsRequest, SaslHandshakeRequest, SaslAuthenticateRequest, MetadataRequest, FindCoordinatorRequest,
         InitProducerIdRequest, DescribeTransactionsRequest, ListTransactionsRequest, EndTxnRequest, OffsetFetchRequest,
         ListOffsetsRequest, FetchRequest>(static_cast<uint8_t>(input[0]), static_cast<uint8_t>(input[1]),
                                           input.substr(2));
}
