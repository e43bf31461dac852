#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/protocol/client/cluster.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka::protocol {

/// The transaction coordinators of a cluster, by our own requests. `Brokers` is Cluster, or what stands for it in the
/// simulator: then wire_coordinator_impl.h is needed.
template <typename Brokers>
class BasicWireCoordinator final : public TransactionCoordinator {
 public:
  using Type = FindCoordinatorRequest::Type;
  explicit BasicWireCoordinator(std::unique_ptr<Brokers> cluster) : cluster_(std::move(cluster)) {}

  absl::StatusOr<EndOutcome> Commit(const std::string& transactional_id, const ProducerIdentity& identity,
                                    SteadyMicros deadline) override;
  absl::StatusOr<ProducerIdentity> Fence(const std::string& transactional_id, int64_t timeout_ms,
                                         SteadyMicros deadline) override;
  absl::StatusOr<std::optional<TransactionDescription>> Describe(const std::string& transactional_id,
                                                                 SteadyMicros deadline) override;
  absl::StatusOr<std::vector<ListedTransaction>> ListOngoing(const std::string& prefix, SteadyMicros deadline) override;
  absl::StatusOr<std::optional<Marker>> ReadMarker(const std::string& transactional_id, const std::string& topic,
                                                   int32_t partition, bool stable, SteadyMicros deadline) override;
  absl::StatusOr<std::string> ClusterId(SteadyMicros deadline) override;
  absl::StatusOr<std::string> TopicId(const std::string& topic, SteadyMicros deadline) override;
  absl::StatusOr<bool> Supported(SteadyMicros deadline) override;

 private:
  /// A request about a transactional id to its coordinator. Errors of the answer are the caller's, but a coordinator
  /// that has moved is forgotten.
  template <typename Request>
  absl::StatusOr<typename Request::Response> Ask(Type type, const std::string& key,
                                                 const Request& request, SteadyMicros deadline);

  const std::unique_ptr<Brokers> cluster_;
};

extern template class BasicWireCoordinator<Cluster>;
using WireCoordinator = BasicWireCoordinator<Cluster>;

}  // namespace weir::taskmanager::kafka::protocol
