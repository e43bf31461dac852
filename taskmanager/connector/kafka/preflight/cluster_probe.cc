#include "taskmanager/connector/kafka/preflight/cluster_probe.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/protocol/client/coordinator.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"

namespace weir::taskmanager::kafka {
namespace {

struct MetadataDeleter {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, MetadataDeleter>;

class Probe {
 public:
  Probe(const ProbeRequest& request, const Clock* clock, SteadyMicros deadline)
      : request_(request), clock_(clock), deadline_(deadline) {}

  ClusterFacts Run() {
    facts_.reached = AskBrokers();
    if (!facts_.reached.ok()) return std::move(facts_);
    for (const std::string& topic : request_.topics) facts_.topics[topic].found = AskTopic(topic);
    if (request_.transaction_timeout_ms) {
      AskConfigs();
      facts_.transactions = AskTransactions();
    }
    return std::move(facts_);
  }

 private:
  int LeftMs() const { return static_cast<int>(std::max<SteadyMicros>(1, (deadline_ - clock_->Steady()) / 1000)); }

  absl::Status AskBrokers() {
    // A consumer's metadata requests make no topics.
    ASSIGN_OR_RETURN(ClientConf conf, ClientConf::Make(request_.connection, request_.name));
    RETURN_IF_ERROR(conf.Set("allow.auto.create.topics", "false"));
    RETURN_IF_ERROR(conf.SetDefault("group.id", "weir-preflight"));
    ASSIGN_OR_RETURN(client_, Client::Create(std::move(conf), Client::Kind::kConsumer));
    // Half of the time is left to the other questions; a broker that is there answers at once.
    const rd_kafka_metadata_t* got = nullptr;
    const auto error = rd_kafka_metadata(client_->get(), 0, nullptr, &got, LeftMs() / 2);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Explain(KafkaError(error, "asking for the brokers"));
    const Metadata metadata(got);
    if (metadata->broker_cnt > 0) broker_ = std::to_string(metadata->brokers[0].id);
    return absl::OkStatus();
  }

  absl::Status AskTopic(const std::string& topic) {
    const Topic handle(rd_kafka_topic_new(client_->get(), topic.c_str(), nullptr));
    const rd_kafka_metadata_t* got = nullptr;
    const auto error = rd_kafka_metadata(client_->get(), 0, handle.get(), &got, LeftMs());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return client_->Explain(KafkaError(error, absl::StrCat("asking for topic ", topic)));
    }
    const Metadata metadata(got);
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      const rd_kafka_metadata_topic_t& t = metadata->topics[i];
      if (topic != t.topic) continue;
      if (t.err == RD_KAFKA_RESP_ERR_NO_ERROR || t.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        return absl::OkStatus();
      }
      return KafkaError(t.err, absl::StrCat("asking for topic ", topic));
    }
    return absl::NotFoundError(absl::StrCat("topic ", topic));
  }

  /// The broker's limit and the topics' clean-up. Whoever may not ask for them is told by the transactions themselves.
  void AskConfigs() {
    std::vector<rd_kafka_ConfigResource_t*> resources;
    if (!broker_.empty()) {
      resources.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, broker_.c_str()));
    }
    for (const auto& [name, topic] : facts_.topics) {
      if (topic.found.ok()) resources.push_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    }
    rd_kafka_queue_t* queue = rd_kafka_queue_new(client_->get());
    rd_kafka_AdminOptions_t* options =
        rd_kafka_AdminOptions_new(client_->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    char why[256];
    rd_kafka_AdminOptions_set_request_timeout(options, LeftMs(), why, sizeof(why));
    rd_kafka_DescribeConfigs(client_->get(), resources.data(), resources.size(), options, queue);
    if (rd_kafka_event_t* event = rd_kafka_queue_poll(queue, LeftMs())) {
      if (const auto* result = rd_kafka_event_DescribeConfigs_result(event)) TakeConfigs(result);
      rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy_array(resources.data(), resources.size());
  }

  void TakeConfigs(const rd_kafka_DescribeConfigs_result_t* result) {
    size_t resource_count = 0;
    const auto** resources = rd_kafka_DescribeConfigs_result_resources(result, &resource_count);
    for (size_t r = 0; r < resource_count; ++r) {
      if (rd_kafka_ConfigResource_error(resources[r]) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      const bool broker = rd_kafka_ConfigResource_type(resources[r]) == RD_KAFKA_RESOURCE_BROKER;
      size_t entry_count = 0;
      const auto** entries = rd_kafka_ConfigResource_configs(resources[r], &entry_count);
      for (size_t e = 0; e < entry_count; ++e) {
        const char* value = rd_kafka_ConfigEntry_value(entries[e]);
        if (value == nullptr) continue;
        const std::string name = rd_kafka_ConfigEntry_name(entries[e]);
        if (broker && name == "transaction.max.timeout.ms") {
          facts_.max_transaction_timeout_ms = std::strtoll(value, nullptr, 10);
        } else if (!broker && name == "cleanup.policy") {
          facts_.topics[rd_kafka_ConfigResource_name(resources[r])].compacted =
              std::strstr(value, "compact") != nullptr;
        }
      }
    }
  }

  absl::Status AskTransactions() {
    if (!request_.connection.raw_client_possible()) return absl::OkStatus();
    const auto coordinator = MakeCoordinator(request_.connection, clock_);
    const absl::StatusOr<bool> supported = coordinator->Supported(deadline_);
    if (!supported.ok() || !*supported) return supported.ok() ? absl::OkStatus() : supported.status();
    // As ours begin: a uuid. One id for all, so that the broker has to remember one.
    const std::string id = ToString(TransactionalId{JobId{std::string(32, '0')}, "preflight", Attempt(0), 0, 0});
    RETURN_IF_ERROR(coordinator->Describe(id, deadline_).status());
    if (!request_.topics.empty() && facts_.topics[request_.topics[0]].found.ok()) {
      RETURN_IF_ERROR(coordinator->ReadMarker(id, request_.topics[0], 0, false, deadline_).status());
    }
    const int64_t max = facts_.max_transaction_timeout_ms.value_or(*request_.transaction_timeout_ms);
    return coordinator->Fence(id, std::min(*request_.transaction_timeout_ms, max), deadline_).status();
  }

  const ProbeRequest& request_;
  const Clock* const clock_;
  const SteadyMicros deadline_;
  ClusterFacts facts_;
  std::unique_ptr<Client> client_;
  std::string broker_;
};

}  // namespace

ClusterFacts ProbeCluster(const ProbeRequest& request, const Clock* clock, SteadyMicros deadline) {
  return Probe(request, clock, deadline).Run();
}

}  // namespace weir::taskmanager::kafka
