#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/protocol/client/cluster.h"
#include "taskmanager/connector/kafka/protocol/messages.h"
#include "taskmanager/connector/kafka/sink/cluster_ports.h"

namespace weir::taskmanager::kafka::contract {

/// A cluster that the script runs on: a real one, or the simulator's model.
/// Thread: confined.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual const Clock* clock() = 0;
  virtual ClusterPorts& ports() = 0;
  virtual ConnectionOptions connection() { return {}; }
  virtual void Pause(int64_t ms) = 0;
  /// kill -9 of the broker, and a new one with its data.
  virtual void RestartBroker() = 0;
  /// What a read_committed reader gets of a partition until there is no more: values, in order.
  virtual std::vector<std::string> Committed(const std::string& topic, int32_t partition) = 0;
  /// Retention: offsets before it are deleted.
  virtual void DeleteRecords(const std::string& topic, int32_t partition, int64_t before) = 0;

  // Requests of our own client, with the broker's own code for an answer. What passes by itself is asked again, but
  // not CONCURRENT_TRANSACTIONS and UNSTABLE_OFFSET_COMMIT.
  virtual protocol::InitProducerIdResponse Init(const protocol::InitProducerIdRequest& request) = 0;
  virtual protocol::EndTxnResponse EndTxn(const protocol::EndTxnRequest& request) = 0;
  virtual protocol::DescribeTransactionsResponse Describe(const protocol::DescribeTransactionsRequest& request) = 0;
  virtual protocol::OffsetFetchResponse OffsetFetch(const protocol::OffsetFetchRequest& request) = 0;
};

/// Those requests over protocol::Cluster, or what stands for it.
template <typename Brokers>
class RequestingSubject : public Subject {
 public:
  using Type = protocol::FindCoordinatorRequest::Type;
  protocol::InitProducerIdResponse Init(const protocol::InitProducerIdRequest& request) override {
    return Ask(Type::kTransaction, request.transactional_id, request);
  }
  protocol::EndTxnResponse EndTxn(const protocol::EndTxnRequest& request) override {
    return Ask(Type::kTransaction, request.transactional_id, request);
  }
  protocol::DescribeTransactionsResponse Describe(const protocol::DescribeTransactionsRequest& request) override {
    return Ask(Type::kTransaction, request.transactional_id, request);
  }
  protocol::OffsetFetchResponse OffsetFetch(const protocol::OffsetFetchRequest& request) override {
    return Ask(Type::kGroup, request.group, request);
  }

 protected:
  virtual Brokers& brokers() = 0;

 private:
  static int16_t ErrorOf(const protocol::DescribeTransactionsResponse& response) {
    return response.transactions.empty() ? int16_t{0} : response.transactions.front().error;
  }
  template <typename Response>
  static int16_t ErrorOf(const Response& response) {
    return response.error;
  }
  template <typename Request>
  typename Request::Response Ask(Type type, const std::string& key, const Request& request) {
    while (true) {
      auto response = brokers().CallCoordinator(type, key, request, clock()->Steady() + 10'000'000);
      if (response.ok()) {
        const int16_t error = ErrorOf(*response);
        const bool says = error == protocol::kConcurrentTransactions || error == protocol::kUnstableOffsetCommit;
        if (says || !protocol::IsPassing(error)) return *std::move(response);
        if (protocol::IsCoordinatorMoved(error)) brokers().ForgetCoordinator(type, key);
      }
      Pause(50);
    }
  }
};

/// `RestartBroker` prints `RESTART` and waits for a line: whoever started this process does it.
std::unique_ptr<Subject> MakeRealSubject(const ConnectionOptions& connection);

/// A script: what it was answered, a line for each step.
using Script = void (*)(Subject& subject, const std::string& topic, std::vector<std::string>* answers);
/// Runs it on the model, with a topic of two partitions.
std::vector<std::string> RunOnModel(Script script, const std::string& topic, int transaction_version, uint64_t seed);

struct NamedScript {
  const char* name;
  Script script;
  bool slow = false;  // more than a few seconds on a real broker
};
const std::vector<NamedScript>& Scripts();

}  // namespace weir::taskmanager::kafka::contract
