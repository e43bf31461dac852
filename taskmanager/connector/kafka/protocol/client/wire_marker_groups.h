#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/protocol/client/cluster.h"
#include "taskmanager/connector/kafka/transaction/marker_groups.h"

namespace weir::taskmanager::kafka::protocol {

/// ListGroups at every broker, DeleteGroups at the group's coordinator.
class WireMarkerGroups final : public MarkerGroups {
 public:
  explicit WireMarkerGroups(std::unique_ptr<Cluster> cluster) : cluster_(std::move(cluster)) {}

  absl::StatusOr<std::vector<std::string>> List(const std::string& prefix, SteadyMicros deadline) override;
  absl::Status Delete(const std::string& group, SteadyMicros deadline) override;

 private:
  const std::unique_ptr<Cluster> cluster_;
};

}  // namespace weir::taskmanager::kafka::protocol

namespace weir::taskmanager::kafka {

/// Over the wire; connects on first use. `clock` must outlive it.
std::unique_ptr<MarkerGroups> MakeMarkerGroups(const ConnectionOptions& options, const Clock* clock);

}  // namespace weir::taskmanager::kafka
