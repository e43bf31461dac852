#include "taskmanager/connector/kafka/protocol/client/broker_connection.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::kafka::protocol {

absl::StatusOr<int16_t> ApiRanges::Pick(const Api& api) const {
  for (const ApiVersionsResponse::Range& range : response_.ranges) {
    if (range.key != api.key) continue;
    const int16_t version = std::min(range.newest, api.newest);
    if (version >= std::max(range.oldest, api.oldest)) return version;
    return absl::UnimplementedError(absl::StrCat("the broker speaks ", api.name, " v", range.oldest, " to v",
                                                 range.newest, ", this client v", api.oldest, " to v", api.newest));
  }
  return absl::UnimplementedError(absl::StrCat("the broker has no request ", api.name));
}

}  // namespace weir::taskmanager::kafka::protocol
