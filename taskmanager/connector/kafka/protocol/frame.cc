#include "taskmanager/connector/kafka/protocol/frame.h"

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

std::string NameOf(const Api& api, int16_t version) { return absl::StrCat("answer to ", api.name, " v", version); }

}  // namespace

std::string BeginFrame(const Api& api, int16_t version, int32_t correlation, std::string_view client_id) {
  std::string frame(4, '\0');
  WireWriter out(&frame, false);  // the header's client id keeps the old form in every version
  out.Put(api.key);
  out.Put(version);
  out.Put(correlation);
  out.PutString(client_id);
  if (api.IsFlexible(version)) out.Put(int8_t{0});
  return frame;
}

void FinishFrame(std::string* frame) {
  std::string size;
  WireWriter(&size, false).Put(static_cast<int32_t>(frame->size() - 4));
  frame->replace(0, 4, size);
}

absl::StatusOr<WireReader> OpenAnswer(const Api& api, int16_t version, int32_t correlation, std::string_view answer) {
  if (answer.size() < 4) return absl::DataLossError(NameOf(api, version) + ": no header");
  const auto found = WireReader(answer, false).Get<int32_t>();
  if (found != correlation) {
    return absl::DataLossError(
        absl::StrCat(NameOf(api, version), ": is the answer to request ", found, ", not to ", correlation));
  }
  WireReader in(answer.substr(4), api.IsFlexible(version));
  // Answers to ApiVersions never have tagged fields in the header, so that an old client can read them (KIP-511).
  if (api.key != ApiVersionsRequest::kApi.key) in.EndStruct();
  return in;
}

absl::Status CloseAnswer(const Api& api, int16_t version, const WireReader& in, size_t size) {
  if (in.AtEnd()) return absl::OkStatus();
  if (!in.ok()) {
    return absl::DataLossError(
        absl::StrCat(NameOf(api, version), ": ", size, " bytes that end too early or hold an impossible length"));
  }
  return absl::DataLossError(absl::StrCat(NameOf(api, version), ": ", in.remaining(), " bytes too many"));
}

}  // namespace weir::taskmanager::kafka::protocol
