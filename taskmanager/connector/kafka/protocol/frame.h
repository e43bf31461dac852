#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/protocol/messages.h"

namespace weir::taskmanager::kafka::protocol {

/// Size, header and body of a request, as they go over the wire: int32 size, int16 key, int16 version, int32
/// correlation id, client id, and in flexible versions no tagged fields.
std::string BeginFrame(const Api& api, int16_t version, int32_t correlation, std::string_view client_id);
void FinishFrame(std::string* frame);

template <typename Request>
std::string EncodeRequest(const Request& request, int16_t version, int32_t correlation, std::string_view client_id) {
  std::string frame = BeginFrame(Request::kApi, version, correlation, client_id);
  WireWriter out(&frame, Request::kApi.IsFlexible(version));
  request.Encode(version, out);
  FinishFrame(&frame);
  return frame;
}

/// Reads the header of an answer. Returns a reader that stands at its body. kDataLoss: another answer than the one
/// asked for.
absl::StatusOr<WireReader> OpenAnswer(const Api& api, int16_t version, int32_t correlation, std::string_view answer);
/// kDataLoss when the answer was cut short, too long or held what cannot be.
absl::Status CloseAnswer(const Api& api, int16_t version, const WireReader& in, size_t size);

/// `answer`: what followed the int32 size.
template <typename Request>
absl::StatusOr<typename Request::Response> DecodeResponse(int16_t version, int32_t correlation,
                                                          std::string_view answer) {
  auto in = OpenAnswer(Request::kApi, version, correlation, answer);
  if (!in.ok()) return in.status();
  typename Request::Response response;
  response.Decode(version, *in);
  if (absl::Status status = CloseAnswer(Request::kApi, version, *in, answer.size()); !status.ok()) return status;
  return response;
}

}  // namespace weir::taskmanager::kafka::protocol
