#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "taskmanager/connector/kafka/protocol/client/broker_connection.h"
#include "taskmanager/connector/kafka/protocol/client/broker_pool.h"
#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::taskmanager::kafka::protocol {

/// The status of an error code in an answer. `what` was asked for, `right` is what it needs ("WRITE on topic a"). Codes
/// that pass by themselves: kUnavailable.
absl::Status StatusOf(int16_t error, const std::string& what, const std::string& right);

/// The brokers of one cluster: who coordinates what, and repetition of what passes by itself.
/// Thread: thread-safe; no lock is held over I/O.
class Cluster {
 public:
  /// Sleeps for so many microseconds.
  using Pause = std::function<void(SteadyMicros)>;

  /// `brokers`: HOST:PORT, or HOST, to begin with.
  Cluster(const std::vector<std::string>& brokers, Dialer dialer, const Clock* clock, Pause pause);

  /// One request to one broker, which gets at most a few seconds of the time until `deadline`.
  template <typename Request>
  absl::StatusOr<typename Request::Response> CallAt(const Endpoint& endpoint, const Request& request,
                                                    SteadyMicros deadline) {
    absl::StatusOr<typename Request::Response> response = absl::InternalError("no answer");
    const absl::Status status = pool_.With(endpoint, deadline, [&](BrokerConnection& broker) {
      response = Call(broker, request, Soon(deadline));
      return response.status();
    });
    if (!status.ok()) return status;
    return response;
  }
  /// One request to the first broker that answers.
  template <typename Request>
  absl::StatusOr<typename Request::Response> CallAny(const Request& request, SteadyMicros deadline) {
    absl::StatusOr<typename Request::Response> response = absl::InternalError("no answer");
    const absl::Status status = WithAny(deadline, [&](BrokerConnection& broker) {
      response = Call(broker, request, Soon(deadline));
      return response.status();
    });
    if (!status.ok()) return status;
    return response;
  }
  /// `use` with a connection to the first broker that answers.
  absl::Status WithAny(SteadyMicros deadline, const std::function<absl::Status(BrokerConnection&)>& use);

  /// All brokers that are up, and, of `topics`, what there is to know.
  absl::StatusOr<MetadataResponse> Metadata(const std::vector<std::string>& topics, SteadyMicros deadline);

  /// From memory, or asked for.
  absl::StatusOr<Endpoint> CoordinatorOf(FindCoordinatorRequest::Type type, const std::string& key,
                                         SteadyMicros deadline);
  void ForgetCoordinator(FindCoordinatorRequest::Type type, const std::string& key);

  /// `request` to the coordinator of `key`, which is forgotten when it does not answer; so the caller must do when the
  /// answer says that it has moved.
  template <typename Request>
  absl::StatusOr<typename Request::Response> CallCoordinator(FindCoordinatorRequest::Type type, const std::string& key,
                                                             const Request& request, SteadyMicros deadline) {
    const auto coordinator = CoordinatorOf(type, key, deadline);
    if (!coordinator.ok()) return coordinator.status();
    auto response = CallAt(*coordinator, request, deadline);
    if (!response.ok() && IsPassing(response.status())) ForgetCoordinator(type, key);
    return response;
  }

  /// Runs `attempt` until it returns something else than kUnavailable or kDeadlineExceeded, with growing pauses. At the
  /// deadline: kUnavailable with the last error. `what` begins each message.
  template <typename Attempt>
  auto Retry(const std::string& what, SteadyMicros deadline, Attempt attempt) -> decltype(attempt()) {
    const SteadyMicros begun = clock_->Steady();
    for (SteadyMicros pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
      auto result = attempt();
      if (result.ok()) return result;
      const absl::Status& status = result.status();
      if (!IsPassing(status)) return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
      const SteadyMicros now = clock_->Steady();
      if (now + pause >= deadline) {
        return absl::UnavailableError(
            absl::StrCat(what, ": ", status.message(), "; given up after ", (now - begun) / 1000, " ms"));
      }
      pause_(pause);
    }
  }

  static bool IsPassing(const absl::Status& status) {
    return status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded;
  }

 private:
  static constexpr SteadyMicros kFirstPause = 2'000, kLongestPause = 500'000;
  /// A broker that says nothing for so long is left, and what was asked is asked again.
  static constexpr SteadyMicros kAnswerMicros = 5'000'000;
  SteadyMicros Soon(SteadyMicros deadline) const { return std::min(deadline, clock_->Steady() + kAnswerMicros); }

  const std::vector<std::string> bootstrap_;
  const Clock* const clock_;
  const Pause pause_;
  BrokerPool pool_;
  std::mutex mutex_;
  std::vector<Endpoint> known_;  // from metadata
  std::map<std::pair<FindCoordinatorRequest::Type, std::string>, Endpoint> coordinators_;
};

}  // namespace weir::taskmanager::kafka::protocol
