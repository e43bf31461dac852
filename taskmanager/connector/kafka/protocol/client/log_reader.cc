#include "taskmanager/connector/kafka/protocol/client/log_reader.h"

#include <chrono>
#include <thread>

#include "taskmanager/connector/kafka/protocol/client/dial.h"
#include "taskmanager/connector/kafka/protocol/client/wire_log_reader.h"

namespace weir::taskmanager::kafka {

std::unique_ptr<LogReader> MakeLogReader(const ConnectionOptions& options, const Clock* clock) {
  return std::make_unique<protocol::WireLogReader>(
      std::make_unique<protocol::Cluster>(
          options.brokers, protocol::MakeDialer(options, clock), clock,
          [](SteadyMicros micros) { std::this_thread::sleep_for(std::chrono::microseconds(micros)); }),
      clock);
}

}  // namespace weir::taskmanager::kafka
