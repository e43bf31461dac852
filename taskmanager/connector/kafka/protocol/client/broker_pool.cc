#include "taskmanager/connector/kafka/protocol/client/broker_pool.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

constexpr size_t kMostIdlePerBroker = 16;
constexpr SteadyMicros kDialMicros = 10'000'000;

}  // namespace

absl::Status BrokerPool::With(const Endpoint& endpoint, SteadyMicros deadline,
                              const std::function<absl::Status(BrokerConnection&)>& use) {
  const std::string key = endpoint.ToString();
  std::unique_ptr<BrokerConnection> connection = TakeIdle(key);
  if (connection != nullptr) {
    const absl::Status status = use(*connection);
    if (status.code() != absl::StatusCode::kUnavailable) {
      PutBack(key, std::move(connection));
      return Annotate(status, "broker " + key);
    }
    connection.reset();
  }
  ASSIGN_OR_RETURN(connection, dialer_(endpoint, std::min(deadline, clock_->Steady() + kDialMicros)));
  const absl::Status status = use(*connection);
  PutBack(key, std::move(connection));
  return Annotate(status, "broker " + key);
}

std::unique_ptr<BrokerConnection> BrokerPool::TakeIdle(const std::string& key) {
  while (true) {
    std::unique_ptr<BrokerConnection> connection;
    {
      const std::lock_guard lock(mutex_);
      auto& idle = idle_[key];
      if (idle.empty()) return nullptr;
      connection = std::move(idle.back());
      idle.pop_back();
    }
    if (connection->IsUsable()) return connection;
  }
}

void BrokerPool::PutBack(const std::string& key, std::unique_ptr<BrokerConnection> connection) {
  if (!connection->IsUsable()) return;
  const std::lock_guard lock(mutex_);
  auto& idle = idle_[key];
  if (idle.size() < kMostIdlePerBroker) idle.push_back(std::move(connection));
}

}  // namespace weir::taskmanager::kafka::protocol
