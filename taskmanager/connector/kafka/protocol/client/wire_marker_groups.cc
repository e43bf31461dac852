#include "taskmanager/connector/kafka/protocol/client/wire_marker_groups.h"

#include <chrono>
#include <thread>

#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/client/dial.h"
#include "taskmanager/connector/kafka/protocol/messages.h"

namespace weir::taskmanager::kafka {
namespace protocol {

absl::StatusOr<std::vector<std::string>> WireMarkerGroups::List(const std::string& prefix, SteadyMicros deadline) {
  using Result = std::vector<std::string>;
  return cluster_->Retry("list of groups", deadline, [&]() -> absl::StatusOr<Result> {
    ASSIGN_OR_RETURN(const MetadataResponse metadata, cluster_->Metadata({}, deadline));
    Result found;
    for (const MetadataResponse::Broker& broker : metadata.brokers) {
      ASSIGN_OR_RETURN(const ListGroupsResponse response,
                       cluster_->CallAt({broker.host, broker.port}, ListGroupsRequest{}, deadline));
      RETURN_IF_ERROR(StatusOf(response.error, "ListGroups", "DESCRIBE on the cluster or on the groups"));
      for (const std::string& group : response.groups) {
        if (group.starts_with(prefix)) found.push_back(group);
      }
    }
    return found;
  });
}

absl::Status WireMarkerGroups::Delete(const std::string& group, SteadyMicros deadline) {
  constexpr auto kGroup = FindCoordinatorRequest::kGroup;
  DeleteGroupsRequest request;
  request.group = group;
  return cluster_
      ->Retry("deleting of group " + group, deadline,
              [&]() -> absl::StatusOr<bool> {
                ASSIGN_OR_RETURN(const DeleteGroupsResponse response,
                                 cluster_->CallCoordinator(kGroup, group, request, deadline));
                if (IsCoordinatorMoved(response.error)) cluster_->ForgetCoordinator(kGroup, group);
                if (response.error == kGroupIdNotFound) return true;
                RETURN_IF_ERROR(StatusOf(response.error, "DeleteGroups", "DELETE on group " + group));
                return true;
              })
      .status();
}

}  // namespace protocol

std::unique_ptr<MarkerGroups> MakeMarkerGroups(const ConnectionOptions& options, const Clock* clock) {
  return std::make_unique<protocol::WireMarkerGroups>(std::make_unique<protocol::Cluster>(
      options.brokers, protocol::MakeDialer(options, clock), clock,
      [](SteadyMicros micros) { std::this_thread::sleep_for(std::chrono::microseconds(micros)); }));
}

}  // namespace weir::taskmanager::kafka
