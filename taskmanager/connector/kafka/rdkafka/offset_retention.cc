#include "taskmanager/connector/kafka/rdkafka/offset_retention.h"

#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr std::string_view kDoing = "asking how long the broker keeps offsets";
constexpr std::string_view kSetting = "offsets.retention.minutes";
constexpr int64_t kMillisPerMinute = 60'000;

struct Freed {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
  void operator()(rd_kafka_ConfigResource_t* resource) const { rd_kafka_ConfigResource_destroy(resource); }
};

absl::StatusOr<int64_t> RetentionIn(const rd_kafka_ConfigResource_t* resource) {
  RETURN_IF_ERROR(KafkaError(rd_kafka_ConfigResource_error(resource), kDoing));
  size_t count = 0;
  const rd_kafka_ConfigEntry_t** const entries = rd_kafka_ConfigResource_configs(resource, &count);
  for (size_t i = 0; i < count; ++i) {
    const char* const value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value == nullptr || kSetting != rd_kafka_ConfigEntry_name(entries[i])) continue;
    const int64_t minutes = std::strtoll(value, nullptr, 10);
    if (minutes > 0) return minutes * kMillisPerMinute;
  }
  return absl::NotFoundError("the broker does not say its offsets.retention.minutes");
}

}  // namespace

absl::StatusOr<int64_t> AskOffsetRetentionMs(const ConnectionOptions& connection, int64_t timeout_ms) {
  const int timeout = static_cast<int>(timeout_ms);
  ASSIGN_OR_RETURN(ClientConf conf, ClientConf::Make(connection, "offset retention"));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Client::Create(std::move(conf), Client::Kind::kProducer));
  const rd_kafka_metadata_t* metadata = nullptr;
  RETURN_IF_ERROR(
      client->Explain(KafkaError(rd_kafka_metadata(client->get(), 0, nullptr, &metadata, timeout), kDoing)));
  const std::string broker = metadata->broker_cnt > 0 ? std::to_string(metadata->brokers[0].id) : "";
  rd_kafka_metadata_destroy(metadata);
  if (broker.empty()) return absl::UnavailableError("the cluster names no brokers");

  const std::unique_ptr<rd_kafka_ConfigResource_t, Freed> resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, broker.c_str()));
  const std::unique_ptr<rd_kafka_AdminOptions_t, Freed> options(
      rd_kafka_AdminOptions_new(client->get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout, why, sizeof(why));
  const std::unique_ptr<rd_kafka_queue_t, Freed> queue(rd_kafka_queue_new(client->get()));
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  rd_kafka_DescribeConfigs(client->get(), resources, 1, options.get(), queue.get());
  const std::unique_ptr<rd_kafka_event_t, Freed> event(rd_kafka_queue_poll(queue.get(), timeout));
  if (event == nullptr) return client->Explain(absl::UnavailableError(kDoing.data()));
  RETURN_IF_ERROR(client->Explain(KafkaError(rd_kafka_event_error(event.get()), kDoing)));
  const rd_kafka_DescribeConfigs_result_t* const result = rd_kafka_event_DescribeConfigs_result(event.get());
  size_t count = 0;
  const rd_kafka_ConfigResource_t** const found =
      result == nullptr ? nullptr : rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count == 0) return absl::NotFoundError("the broker does not tell its settings");
  return RetentionIn(found[0]);
}

}  // namespace weir::taskmanager::kafka
