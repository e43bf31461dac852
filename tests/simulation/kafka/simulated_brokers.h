#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "taskmanager/connector/kafka/protocol/client/cluster.h"
#include "taskmanager/connector/kafka/protocol/messages.h"
#include "tests/simulation/kafka/kafka_network.h"

namespace weir::sim {

namespace protocol = taskmanager::kafka::protocol;

// What a broker does with a request of our own client.
BrokerAnswer Handle(ClusterModel& cluster, int broker, const protocol::InitProducerIdRequest& request,
                    protocol::InitProducerIdResponse* response);
BrokerAnswer Handle(ClusterModel& cluster, int broker, const protocol::EndTxnRequest& request,
                    protocol::EndTxnResponse* response);
BrokerAnswer Handle(ClusterModel& cluster, int broker, const protocol::DescribeTransactionsRequest& request,
                    protocol::DescribeTransactionsResponse* response);
BrokerAnswer Handle(ClusterModel& cluster, int broker, const protocol::ListTransactionsRequest& request,
                    protocol::ListTransactionsResponse* response);
BrokerAnswer Handle(ClusterModel& cluster, int broker, const protocol::OffsetFetchRequest& request,
                    protocol::OffsetFetchResponse* response);
BrokerAnswer Handle(ClusterModel& cluster, int broker, const protocol::MetadataRequest& request,
                    protocol::MetadataResponse* response);
BrokerAnswer Handle(ClusterModel& cluster, int broker, const protocol::FindCoordinatorRequest& request,
                    protocol::FindCoordinatorResponse* response);

/// The brokers as one client of a simulated process knows them: stands for protocol::Cluster, whose retries it uses.
/// Thread: the simulation's, in a fiber. `clock`: the process's.
class SimulatedBrokers {
 public:
  using Type = protocol::FindCoordinatorRequest::Type;
  /// Both must outlive it.
  SimulatedBrokers(KafkaNetwork* network, const Clock* clock);

  template <typename Request>
  absl::StatusOr<typename Request::Response> CallAt(const Endpoint& endpoint, const Request& request,
                                                    SteadyMicros deadline) {
    auto response = std::make_shared<typename Request::Response>();
    const absl::StatusOr<BrokerAnswer> answer = network_->Ask(
        endpoint.port,
        [request, response](ClusterModel& cluster, int broker) {
          return Handle(cluster, broker, request, response.get());
        },
        Soon(deadline));
    if (!answer.ok()) return answer.status();
    return std::move(*response);
  }
  template <typename Request>
  absl::StatusOr<typename Request::Response> CallAny(const Request& request, SteadyMicros deadline) {
    absl::StatusOr<typename Request::Response> response = absl::UnavailableError("no brokers");
    const int brokers = network_->cluster().brokers();
    for (int i = 0; i < brokers; ++i) {
      response = CallAt(EndpointOf((first_ + i) % brokers), request, deadline);
      if (!response.ok()) continue;
      first_ = (first_ + i) % brokers;
      break;
    }
    return response;
  }
  template <typename Request>
  absl::StatusOr<typename Request::Response> CallCoordinator(Type type, const std::string& key, const Request& request,
                                                             SteadyMicros deadline) {
    const absl::StatusOr<Endpoint> coordinator = CoordinatorOf(type, key, deadline);
    if (!coordinator.ok()) return coordinator.status();
    auto response = CallAt(*coordinator, request, deadline);
    if (!response.ok()) ForgetCoordinator(type, key);
    return response;
  }
  absl::StatusOr<protocol::MetadataResponse> Metadata(const std::vector<std::string>& topics, SteadyMicros deadline);
  absl::StatusOr<Endpoint> CoordinatorOf(Type type, const std::string& key, SteadyMicros deadline);
  void ForgetCoordinator(Type type, const std::string& key) { coordinators_.erase({type, key}); }
  template <typename Use>
  absl::Status WithAny(SteadyMicros deadline, const Use& use) {
    const auto answer = CallAny(protocol::MetadataRequest(), deadline);
    if (!answer.ok()) return answer.status();
    AllApis all;
    return use(all);
  }
  template <typename Attempt>
  auto Retry(const std::string& what, SteadyMicros deadline, Attempt attempt) -> decltype(attempt()) {
    return retries_.Retry(what, deadline, std::move(attempt));
  }

  // Requests that our own client does not have. Errors of the answer are in it.
  absl::StatusOr<BrokerAnswer> AskCoordinator(Type type, const std::string& key, KafkaNetwork::Handler handle,
                                              SteadyMicros deadline);
  absl::StatusOr<BrokerAnswer> AskLeader(const std::string& topic, int32_t partition, KafkaNetwork::Handler handle,
                                         SteadyMicros deadline);
  const Clock* clock() const { return clock_; }

 private:
  /// A broker that has every request.
  struct AllApis {
    struct Ranges {
      absl::StatusOr<int16_t> Pick(const protocol::Api& api) const { return api.newest; }
    };
    Ranges apis() const { return {}; }
  };
  static Endpoint EndpointOf(int broker) { return {"kafka", broker}; }
  SteadyMicros Soon(SteadyMicros deadline) const {
    return std::max<SteadyMicros>(1, std::min<SteadyMicros>(deadline - clock_->Steady(), kAnswerMicros));
  }

  /// As protocol::Cluster: a broker that says nothing for so long is left.
  static constexpr SteadyMicros kAnswerMicros = 5'000'000;
  KafkaNetwork* const network_;
  const Clock* const clock_;
  protocol::Cluster retries_;
  int first_ = 0;
  std::map<std::pair<Type, std::string>, Endpoint> coordinators_;
};

}  // namespace weir::sim
