#include "tests/simulation/kafka/simulated_brokers.h"

#include "common/base/status_macros.h"
#include "common/runtime/sync.h"

namespace weir::sim {

using namespace protocol;

BrokerAnswer Handle(ClusterModel& cluster, int broker, const InitProducerIdRequest& request,
                    InitProducerIdResponse* response) {
  const BrokerAnswer answer = cluster.InitProducerId(broker, request.transactional_id, request.transaction_timeout_ms);
  response->error = answer.error;
  if (answer.error == kNone) {
    response->producer_id = answer.identity.producer_id;
    response->producer_epoch = answer.identity.epoch;
  }
  return answer;
}

BrokerAnswer Handle(ClusterModel& cluster, int broker, const EndTxnRequest& request, EndTxnResponse* response) {
  const BrokerAnswer answer =
      cluster.EndTxn(broker, request.transactional_id, {request.producer_id, request.producer_epoch}, request.committed,
                     EndTxnRequest::kApi.newest);
  response->error = answer.error;
  return answer;
}

BrokerAnswer Handle(ClusterModel& cluster, int broker, const DescribeTransactionsRequest& request,
                    DescribeTransactionsResponse* response) {
  std::optional<TransactionStates::Transaction> found;
  const BrokerAnswer answer = cluster.Describe(broker, request.transactional_id, &found);
  response->transactions.emplace_back();
  DescribeTransactionsResponse::Transaction& told = response->transactions.back();
  told.error = answer.error;
  told.transactional_id = request.transactional_id;
  if (!found) return answer;
  told.state = NameOf(found->state);
  told.timeout_ms = static_cast<int32_t>(found->timeout_ms);
  told.started_ms = found->started_ms;
  told.producer_id = found->identity.producer_id;
  told.producer_epoch = found->identity.epoch;
  return answer;
}

BrokerAnswer Handle(ClusterModel& cluster, int broker, const ListTransactionsRequest& request,
                    ListTransactionsResponse* response) {
  BrokerAnswer answer;
  answer.ready_at = cluster.now();
  for (const std::string& name : request.states) {
    for (int state = 0; state <= static_cast<int>(TransactionStates::State::kDead); ++state) {
      if (NameOf(static_cast<TransactionStates::State>(state)) != name) continue;
      std::vector<std::pair<std::string, int64_t>> found;
      answer = cluster.List(broker, static_cast<TransactionStates::State>(state), &found);
      for (auto& [id, producer] : found) response->transactions.push_back({std::move(id), producer, name});
    }
  }
  response->error = answer.error;
  return answer;
}

BrokerAnswer Handle(ClusterModel& cluster, int broker, const OffsetFetchRequest& request,
                    OffsetFetchResponse* response) {
  std::optional<Marker> found;
  const BrokerAnswer answer =
      cluster.OffsetFetch(broker, request.group, request.topic, request.partition, request.require_stable, &found);
  response->error = answer.error;
  response->found = true;
  if (found) {
    response->offset = found->checkpoint.value;
    response->metadata = found->metadata;
  }
  return answer;
}

BrokerAnswer Handle(ClusterModel& cluster, int, const MetadataRequest& request, MetadataResponse* response) {
  BrokerAnswer answer;
  answer.ready_at = cluster.now();
  for (int broker = 0; broker < cluster.brokers(); ++broker) {
    if (cluster.Up(broker)) response->brokers.push_back({broker, "kafka", broker});
  }
  response->cluster_id = cluster.cluster_id();
  for (const std::string& name : request.topics) {
    MetadataResponse::Topic topic;
    topic.name = name;
    topic.id = cluster.TopicId(name);
    if (topic.id.empty()) topic.error = kUnknownTopicOrPartition;
    for (int partition = 0; partition < cluster.Partitions(name); ++partition) {
      const int leader = cluster.LeaderOf(name, partition);
      topic.partitions.push_back({static_cast<int16_t>(leader < 0 ? kLeaderNotAvailable : kNone), partition, leader});
    }
    response->topics.push_back(std::move(topic));
  }
  return answer;
}

BrokerAnswer Handle(ClusterModel& cluster, int, const FindCoordinatorRequest& request,
                    FindCoordinatorResponse* response) {
  BrokerAnswer answer;
  answer.ready_at = cluster.now();
  response->node = cluster.CoordinatorOf(request.type == FindCoordinatorRequest::kGroup, request.key);
  response->host = "kafka";
  response->port = response->node;
  if (response->node < 0) response->error = kCoordinatorNotAvailable;
  return answer;
}

SimulatedBrokers::SimulatedBrokers(KafkaNetwork* network, const Clock* clock)
    : network_(network),
      clock_(clock),
      retries_({}, nullptr, clock, [](SteadyMicros micros) { runtime::SleepFor(micros); }) {}

absl::StatusOr<MetadataResponse> SimulatedBrokers::Metadata(const std::vector<std::string>& topics,
                                                            SteadyMicros deadline) {
  MetadataRequest request;
  request.topics = topics;
  return CallAny(request, deadline);
}

absl::StatusOr<Endpoint> SimulatedBrokers::CoordinatorOf(Type type, const std::string& key, SteadyMicros deadline) {
  if (const auto known = coordinators_.find({type, key}); known != coordinators_.end()) return known->second;
  FindCoordinatorRequest request;
  request.key = key;
  request.type = type;
  ASSIGN_OR_RETURN(const FindCoordinatorResponse response, CallAny(request, deadline));
  RETURN_IF_ERROR(StatusOf(response.error, "FindCoordinator", ""));
  return coordinators_[{type, key}] = Endpoint{response.host, response.port};
}

absl::StatusOr<BrokerAnswer> SimulatedBrokers::AskCoordinator(Type type, const std::string& key,
                                                              KafkaNetwork::Handler handle, SteadyMicros deadline) {
  ASSIGN_OR_RETURN(const Endpoint coordinator, CoordinatorOf(type, key, deadline));
  absl::StatusOr<BrokerAnswer> answer = network_->Ask(coordinator.port, std::move(handle), Soon(deadline));
  if (!answer.ok() || IsCoordinatorMoved(answer->error)) ForgetCoordinator(type, key);
  return answer;
}

absl::StatusOr<BrokerAnswer> SimulatedBrokers::AskLeader(const std::string& topic, int32_t partition,
                                                         KafkaNetwork::Handler handle, SteadyMicros deadline) {
  // Whom its metadata names; asked anew each time, which costs the model nothing but is as old as an answer takes.
  const int leader = network_->cluster_now().LeaderOf(topic, partition);
  if (leader < 0) {
    runtime::SleepFor(1'000);
    return absl::UnavailableError("the partition has no leader");
  }
  return network_->Ask(leader, std::move(handle), Soon(deadline));
}

}  // namespace weir::sim
