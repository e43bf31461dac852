#pragma once

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/client/wire_coordinator.h"

namespace weir::taskmanager::kafka::protocol {
namespace coordinator_answers {

using State = TransactionDescription::State;

inline State StateOf(const std::string& name) {
  constexpr std::pair<const char*, State> kNames[] = {
      {"Empty", State::kEmpty},
      {"Ongoing", State::kOngoing},
      {"PrepareCommit", State::kPrepareCommit},
      {"PrepareAbort", State::kPrepareAbort},
      {"CompleteCommit", State::kCompleteCommit},
      {"CompleteAbort", State::kCompleteAbort},
      {"PrepareEpochFence", State::kPrepareEpochFence},
      {"Dead", State::kDead},
  };
  for (const auto& [known, state] : kNames) {
    if (name == known) return state;
  }
  return State::kUnknown;
}

/// Of the answer itself; DescribeTransactions has one per transaction.
template <typename Response>
int16_t ErrorOf(const Response& response) {
  return response.error;
}
inline int16_t ErrorOf(const DescribeTransactionsResponse& response) {
  if (response.transactions.empty()) return kTransactionalIdNotFound;
  return response.transactions.front().error;
}

}  // namespace coordinator_answers

template <typename Brokers>
template <typename Request>
absl::StatusOr<typename Request::Response> BasicWireCoordinator<Brokers>::Ask(Type type, const std::string& key,
                                                                              const Request& request,
                                                                              SteadyMicros deadline) {
  ASSIGN_OR_RETURN(typename Request::Response response, cluster_->CallCoordinator(type, key, request, deadline));
  if (IsCoordinatorMoved(coordinator_answers::ErrorOf(response))) cluster_->ForgetCoordinator(type, key);
  return response;
}

template <typename Brokers>
absl::StatusOr<EndOutcome> BasicWireCoordinator<Brokers>::Commit(const std::string& transactional_id,
                                                                 const ProducerIdentity& identity,
                                                                 SteadyMicros deadline) {
  EndTxnRequest request;
  request.transactional_id = transactional_id;
  request.producer_id = identity.producer_id;
  request.producer_epoch = identity.epoch;
  request.committed = true;
  return cluster_->Retry("commit of " + transactional_id, deadline, [&]() -> absl::StatusOr<EndOutcome> {
    ASSIGN_OR_RETURN(const EndTxnResponse response, Ask(Type::kTransaction, transactional_id, request, deadline));
    switch (response.error) {
      case kNone:
        return EndOutcome::kCommitted;
      case kInvalidProducerEpoch:
      case kInvalidTxnState:
      case kInvalidProducerIdMapping:
      case kUnknownProducerId:
      case kProducerFenced:
      case kTransactionAbortable:
        return EndOutcome::kUncertain;
      default:
        return StatusOf(response.error, "EndTxn", "WRITE on transactional id " + transactional_id);
    }
  });
}

template <typename Brokers>
absl::StatusOr<ProducerIdentity> BasicWireCoordinator<Brokers>::Fence(const std::string& transactional_id,
                                                                      int64_t timeout_ms, SteadyMicros deadline) {
  InitProducerIdRequest request;
  request.transactional_id = transactional_id;
  request.transaction_timeout_ms = static_cast<int32_t>(std::clamp<int64_t>(timeout_ms, 1, INT32_MAX));
  return cluster_->Retry("fencing of " + transactional_id, deadline, [&]() -> absl::StatusOr<ProducerIdentity> {
    ASSIGN_OR_RETURN(const InitProducerIdResponse response,
                     Ask(Type::kTransaction, transactional_id, request, deadline));
    // We state no epoch of our own that could be fenced: another one did the same at this moment.
    if (response.error == kInvalidProducerEpoch || response.error == kProducerFenced) {
      return absl::UnavailableError("InitProducerId: " + ErrorName(response.error));
    }
    RETURN_IF_ERROR(StatusOf(response.error, "InitProducerId", "WRITE on transactional id " + transactional_id));
    return ProducerIdentity{response.producer_id, response.producer_epoch};
  });
}

template <typename Brokers>
absl::StatusOr<std::optional<TransactionDescription>> BasicWireCoordinator<Brokers>::Describe(
    const std::string& transactional_id, SteadyMicros deadline) {
  using Result = std::optional<TransactionDescription>;
  DescribeTransactionsRequest request;
  request.transactional_id = transactional_id;
  return cluster_->Retry("description of " + transactional_id, deadline, [&]() -> absl::StatusOr<Result> {
    ASSIGN_OR_RETURN(const DescribeTransactionsResponse response,
                     Ask(Type::kTransaction, transactional_id, request, deadline));
    const int16_t error = coordinator_answers::ErrorOf(response);
    if (error == kTransactionalIdNotFound) return Result();
    RETURN_IF_ERROR(StatusOf(error, "DescribeTransactions", "DESCRIBE on transactional id " + transactional_id));
    const DescribeTransactionsResponse::Transaction& found = response.transactions.front();
    if (found.transactional_id != transactional_id) {
      return absl::InternalError("DescribeTransactions: the answer is about " + found.transactional_id);
    }
    TransactionDescription description;
    description.state = coordinator_answers::StateOf(found.state);
    description.identity = {found.producer_id, found.producer_epoch};
    description.timeout_ms = found.timeout_ms;
    description.started_ms = found.started_ms;
    return Result(description);
  });
}

template <typename Brokers>
absl::StatusOr<std::vector<ListedTransaction>> BasicWireCoordinator<Brokers>::ListOngoing(const std::string& prefix,
                                                                                          SteadyMicros deadline) {
  using Result = std::vector<ListedTransaction>;
  ListTransactionsRequest request;
  request.states = {"Ongoing"};
  return cluster_->Retry("list of transactions", deadline, [&]() -> absl::StatusOr<Result> {
    // Anew in each attempt: a broker that has gone is one whose transactions are others' by now.
    ASSIGN_OR_RETURN(const MetadataResponse metadata, cluster_->Metadata({}, deadline));
    Result found;
    std::set<std::string> ids;
    for (const MetadataResponse::Broker& broker : metadata.brokers) {
      ASSIGN_OR_RETURN(const ListTransactionsResponse response,
                       cluster_->CallAt({broker.host, broker.port}, request, deadline));
      RETURN_IF_ERROR(StatusOf(response.error, "ListTransactions", "DESCRIBE on the transactional ids"));
      for (const ListTransactionsResponse::Transaction& transaction : response.transactions) {
        if (!transaction.transactional_id.starts_with(prefix)) continue;
        if (!ids.insert(transaction.transactional_id).second) continue;  // it moved while we asked
        found.push_back({transaction.transactional_id, transaction.producer_id});
      }
    }
    return found;
  });
}

template <typename Brokers>
absl::StatusOr<std::optional<Marker>> BasicWireCoordinator<Brokers>::ReadMarker(const std::string& transactional_id,
                                                                                const std::string& topic,
                                                                                int32_t partition, bool stable,
                                                                                SteadyMicros deadline) {
  using Result = std::optional<Marker>;
  OffsetFetchRequest request;
  request.group = transactional_id;
  request.topic = topic;
  request.partition = partition;
  request.require_stable = stable;
  return cluster_->Retry("marker of " + transactional_id, deadline, [&]() -> absl::StatusOr<Result> {
    ASSIGN_OR_RETURN(const OffsetFetchResponse response, Ask(Type::kGroup, transactional_id, request, deadline));
    if (response.error == kGroupIdNotFound) return Result();
    RETURN_IF_ERROR(StatusOf(response.error, "OffsetFetch",
                             response.error == kTopicAuthorizationFailed ? "DESCRIBE on topic " + topic
                                                                         : "DESCRIBE on group " + transactional_id));
    if (!response.found || response.offset < 0) return Result();
    return Result(Marker{CheckpointId(response.offset), response.metadata});
  });
}

template <typename Brokers>
absl::StatusOr<std::string> BasicWireCoordinator<Brokers>::ClusterId(SteadyMicros deadline) {
  return cluster_->Retry("cluster id", deadline, [&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const MetadataResponse metadata, cluster_->Metadata({}, deadline));
    return metadata.cluster_id.value_or("");
  });
}

template <typename Brokers>
absl::StatusOr<std::string> BasicWireCoordinator<Brokers>::TopicId(const std::string& topic, SteadyMicros deadline) {
  return cluster_->Retry("topic " + topic, deadline, [&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const MetadataResponse metadata, cluster_->Metadata({topic}, deadline));
    if (metadata.topics.size() != 1) return absl::UnavailableError("Metadata: the answer is about other topics");
    const MetadataResponse::Topic& found = metadata.topics.front();
    if (found.error != kLeaderNotAvailable) {
      RETURN_IF_ERROR(StatusOf(found.error, "Metadata", "DESCRIBE on topic " + topic));
    }
    return found.id == std::string(16, '\0') ? std::string() : found.id;
  });
}

template <typename Brokers>
absl::StatusOr<bool> BasicWireCoordinator<Brokers>::Supported(SteadyMicros deadline) {
  const auto supported = cluster_->Retry("capabilities", deadline, [&]() -> absl::StatusOr<bool> {
    bool all = true;
    RETURN_IF_ERROR(cluster_->WithAny(deadline, [&](auto& broker) {
      for (const Api& api :
           {DescribeTransactionsRequest::kApi, ListTransactionsRequest::kApi, InitProducerIdRequest::kApi,
            EndTxnRequest::kApi, FindCoordinatorRequest::kApi, OffsetFetchRequest::kApi, MetadataRequest::kApi}) {
        all = all && broker.apis().Pick(api).ok();
      }
      return absl::OkStatus();
    }));
    return all;
  });
  // A login method or a setting that this client lacks.
  if (supported.status().code() == absl::StatusCode::kUnimplemented) return false;
  return supported;
}

}  // namespace weir::taskmanager::kafka::protocol
