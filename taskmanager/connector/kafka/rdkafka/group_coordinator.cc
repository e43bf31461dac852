#include "taskmanager/connector/kafka/rdkafka/group_coordinator.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>

#include "taskmanager/connector/kafka/rdkafka/client_config.h"

namespace weir::taskmanager::kafka {
namespace {

/// Nobody should wait long for what is only a saving.
constexpr int kMostMs = 1'000;

struct Freed {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
  void operator()(rd_kafka_ListConsumerGroupOffsets_t* question) const {
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
  }
};

}  // namespace

void FindGroupCoordinator(rd_kafka_s* client, const ProducerOptions& options, int timeout_ms) {
  const int timeout = std::min(timeout_ms, kMostMs);
  // Any request of the group's does; this one needs no right that recovery does not need.
  PartitionList list = NewPartitionList(1);
  rd_kafka_topic_partition_list_add(list.get(), options.topic.c_str(), 0);
  const std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Freed> question(
      rd_kafka_ListConsumerGroupOffsets_new(options.transactional_id.c_str(), list.get()));
  const std::unique_ptr<rd_kafka_AdminOptions_t, Freed> admin(
      rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(admin.get(), timeout, why, sizeof(why));
  const std::unique_ptr<rd_kafka_queue_t, Freed> queue(rd_kafka_queue_new(client));
  rd_kafka_ListConsumerGroupOffsets_t* questions[] = {question.get()};
  rd_kafka_ListConsumerGroupOffsets(client, questions, 1, admin.get(), queue.get());
  const std::unique_ptr<rd_kafka_event_t, Freed> answer(rd_kafka_queue_poll(queue.get(), timeout));
}

}  // namespace weir::taskmanager::kafka
