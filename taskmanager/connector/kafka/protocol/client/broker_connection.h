#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "taskmanager/connector/kafka/protocol/frame.h"
#include "taskmanager/connector/kafka/protocol/messages.h"

namespace weir::taskmanager::kafka::protocol {

/// Which requests a broker answers, and in which versions.
class ApiRanges {
 public:
  ApiRanges() = default;
  explicit ApiRanges(ApiVersionsResponse response) : response_(std::move(response)) {}

  /// The newest version that both sides speak. kUnimplemented: there is none.
  absl::StatusOr<int16_t> Pick(const Api& api) const;
  const std::vector<ApiVersionsResponse::Feature>& finalized_features() const { return response_.finalized; }

 private:
  ApiVersionsResponse response_;
};

/// A connection to one broker, logged in. One request at a time.
/// Thread: confined.
class BrokerConnection {
 public:
  virtual ~BrokerConnection() = default;
  virtual const ApiRanges& apis() const = 0;
  virtual const std::string& client_id() const = 0;
  /// Sends a frame and returns the bytes of its answer without their size. After an error the connection is of no more
  /// use. kUnavailable: lost; kDeadlineExceeded.
  virtual absl::StatusOr<std::string> Exchange(const std::string& frame, SteadyMicros deadline) = 0;
  /// Whether it may be used again after it has lain idle.
  virtual bool IsUsable() = 0;
  int32_t NextCorrelation() { return ++correlation_; }

 private:
  int32_t correlation_ = 0;
};

/// Connects and logs in. Thread-safe.
using Dialer = std::function<absl::StatusOr<std::unique_ptr<BrokerConnection>>(const Endpoint&, SteadyMicros deadline)>;

/// Sends `request` in the newest version that both sides speak.
/// Errors: kUnimplemented; kUnavailable, also for an answer that is damaged; kDeadlineExceeded.
template <typename Request>
absl::StatusOr<typename Request::Response> Call(BrokerConnection& broker, const Request& request,
                                                SteadyMicros deadline) {
  const auto version = broker.apis().Pick(Request::kApi);
  if (!version.ok()) return version.status();
  const int32_t correlation = broker.NextCorrelation();
  const auto answer = broker.Exchange(EncodeRequest(request, *version, correlation, broker.client_id()), deadline);
  if (!answer.ok()) return answer.status();
  auto response = DecodeResponse<Request>(*version, correlation, *answer);
  if (!response.ok()) return absl::UnavailableError(response.status().message());
  return response;
}

}  // namespace weir::taskmanager::kafka::protocol
