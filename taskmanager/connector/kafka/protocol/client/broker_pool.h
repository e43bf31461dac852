#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/endpoint.h"
#include "taskmanager/connector/kafka/protocol/client/broker_connection.h"

namespace weir::taskmanager::kafka::protocol {

/// Connections to brokers that lie idle, and new ones when there is none: as many at once as there are callers.
/// Thread: thread-safe; the lock is never held over I/O.
class BrokerPool {
 public:
  BrokerPool(Dialer dialer, const Clock* clock) : dialer_(std::move(dialer)), clock_(clock) {}

  /// Runs `use` with a connection. One that was kept and turns out to be lost is replaced, and `use` is run once more:
  /// what it sends must bear repetition.
  absl::Status With(const Endpoint& endpoint, SteadyMicros deadline,
                    const std::function<absl::Status(BrokerConnection&)>& use);

 private:
  std::unique_ptr<BrokerConnection> TakeIdle(const std::string& key);
  void PutBack(const std::string& key, std::unique_ptr<BrokerConnection> connection);

  const Dialer dialer_;
  const Clock* const clock_;
  std::mutex mutex_;
  std::map<std::string, std::vector<std::unique_ptr<BrokerConnection>>> idle_;
};

}  // namespace weir::taskmanager::kafka::protocol
