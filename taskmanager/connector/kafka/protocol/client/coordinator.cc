#include "taskmanager/connector/kafka/protocol/client/coordinator.h"

#include <chrono>
#include <thread>

#include "taskmanager/connector/kafka/protocol/client/dial.h"
#include "taskmanager/connector/kafka/protocol/client/wire_coordinator.h"

namespace weir::taskmanager::kafka {

std::unique_ptr<TransactionCoordinator> MakeCoordinator(const ConnectionOptions& options, const Clock* clock) {
  return std::make_unique<protocol::WireCoordinator>(std::make_unique<protocol::Cluster>(
      options.brokers, protocol::MakeDialer(options, clock), clock,
      [](SteadyMicros micros) { std::this_thread::sleep_for(std::chrono::microseconds(micros)); }));
}

}  // namespace weir::taskmanager::kafka
