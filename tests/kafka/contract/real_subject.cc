#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/clock/system_clock.h"
#include "taskmanager/connector/kafka/protocol/client/dial.h"
#include "tests/kafka/contract/subject.h"

namespace weir::taskmanager::kafka::contract {
namespace {

void Sleep(int64_t micros) { std::this_thread::sleep_for(std::chrono::microseconds(micros)); }

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

/// A librdkafka client with a few settings.
class RdClient {
 public:
  RdClient(rd_kafka_type_t type, const ConnectionOptions& connection,
           const std::vector<std::pair<const char*, const char*>>& settings) {
    char reason[256];
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    const std::string brokers = absl::StrJoin(connection.brokers, ",");
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), reason, sizeof(reason));
    for (const auto& [name, value] : settings) rd_kafka_conf_set(conf, name, value, reason, sizeof(reason));
    handle_ = rd_kafka_new(type, conf, reason, sizeof(reason));
    if (handle_ == nullptr) Die(reason);
  }
  ~RdClient() { rd_kafka_destroy(handle_); }
  rd_kafka_t* get() const { return handle_; }

 private:
  rd_kafka_t* handle_;
};

class RealSubject final : public RequestingSubject<protocol::Cluster> {
 public:
  explicit RealSubject(const ConnectionOptions& connection)
      : connection_(connection),
        cluster_(connection.brokers, protocol::MakeDialer(connection, &clock_), &clock_, Sleep),
        ports_(MakeClusterPorts(connection, &clock_)) {}

  const Clock* clock() override { return &clock_; }
  ClusterPorts& ports() override { return ports_; }
  ConnectionOptions connection() override { return connection_; }
  void Pause(int64_t ms) override { Sleep(ms * 1000); }
  void RestartBroker() override {
    std::printf("RESTART\n");
    std::fflush(stdout);
    std::string line;
    if (!std::getline(std::cin, line)) Die("nobody restarts the broker");
  }
  std::vector<std::string> Committed(const std::string& topic, int32_t partition) override;
  void DeleteRecords(const std::string& topic, int32_t partition, int64_t before) override;

 protected:
  protocol::Cluster& brokers() override { return cluster_; }

 private:
  const ConnectionOptions connection_;
  SystemClock clock_;
  protocol::Cluster cluster_;
  ClusterPorts ports_;
};

std::vector<std::string> RealSubject::Committed(const std::string& topic, int32_t partition) {
  const RdClient client(RD_KAFKA_CONSUMER, connection_,
                        {{"group.id", "contract"},
                         {"isolation.level", "read_committed"},
                         {"enable.partition.eof", "true"},
                         {"enable.auto.commit", "false"},
                         {"auto.offset.reset", "earliest"}});
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(client.get(), list);
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<std::string> values;
  for (bool end = false; !end;) {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(client.get(), 30'000);
    if (message == nullptr) Die("no end of " + topic);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      values.emplace_back(static_cast<const char*>(message->payload), message->len);
    }
    end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(client.get());
  return values;
}

void RealSubject::DeleteRecords(const std::string& topic, int32_t partition, int64_t before) {
  const RdClient client(RD_KAFKA_PRODUCER, connection_, {});
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = before;
  rd_kafka_DeleteRecords_t* requests[] = {rd_kafka_DeleteRecords_new(list)};
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(client.get());
  rd_kafka_DeleteRecords(client.get(), requests, 1, nullptr, queue);
  rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 30'000);
  if (event == nullptr || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) Die("records are not deleted");
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteRecords_destroy(requests[0]);
  rd_kafka_topic_partition_list_destroy(list);
}

}  // namespace

std::unique_ptr<Subject> MakeRealSubject(const ConnectionOptions& connection) {
  return std::make_unique<RealSubject>(connection);
}

}  // namespace weir::taskmanager::kafka::contract
