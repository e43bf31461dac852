#include "taskmanager/connector/kafka/source/group_offsets.h"

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"
#include "taskmanager/connector/kafka/source/kafka_enumerator.h"
#include "taskmanager/connector/kafka/source/kafka_split.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int kTimeoutMs = 5'000;

struct Freed {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
  void operator()(rd_kafka_AlterConsumerGroupOffsets_t* change) const {
    rd_kafka_AlterConsumerGroupOffsets_destroy(change);
  }
};

absl::StatusOr<PartitionList> ListOf(const std::vector<SplitPosition>& positions) {
  PartitionList list = NewPartitionList(static_cast<int>(positions.size()));
  for (const SplitPosition& at : positions) {
    ASSIGN_OR_RETURN(const KafkaSplit split, DecodeSplit(at.split.payload));
    int64_t offset = split.start;
    if (at.ended && split.stop != KafkaSplit::kNoStop) {
      offset = split.stop;
    } else if (!at.position.empty()) {
      ASSIGN_OR_RETURN(offset, DecodePosition(at.position, split));
    }
    rd_kafka_topic_partition_list_add(list.get(), split.topic.c_str(), split.partition)->offset = offset;
  }
  return list;
}

/// One group was asked for; its partitions have errors of their own.
absl::Status StatusOf(rd_kafka_event_t* answer, const std::string& doing) {
  RETURN_IF_ERROR(KafkaError(rd_kafka_event_error(answer), doing));
  const rd_kafka_AlterConsumerGroupOffsets_result_t* const result =
      rd_kafka_event_AlterConsumerGroupOffsets_result(answer);
  size_t count = 0;
  const rd_kafka_group_result_t** const groups =
      result == nullptr ? nullptr : rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &count);
  if (count == 0) return absl::UnavailableError(absl::StrCat(doing, ": the answer names no group"));
  if (const rd_kafka_error_t* const error = rd_kafka_group_result_error(groups[0]); error != nullptr) {
    return KafkaError(rd_kafka_error_code(error), doing);
  }
  const rd_kafka_topic_partition_list_t* const partitions = rd_kafka_group_result_partitions(groups[0]);
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    RETURN_IF_ERROR(KafkaError(partitions->elems[i].err, doing));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CommitGroupOffsets(const SourceContext& context, const std::vector<SplitPosition>& positions) {
  if (positions.empty()) return absl::OkStatus();
  const KafkaSourceOptions source = SourceOptionsOf(*context.node);
  const std::string group = GroupOf(context, source);
  const std::string doing = absl::StrCat("committing offsets to group ", group);
  ASSIGN_OR_RETURN(const PartitionList list, ListOf(positions));
  ASSIGN_OR_RETURN(ClientConf conf, ClientConf::Make(source.connection, NameOf(context)));
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Client::Create(std::move(conf), Client::Kind::kProducer));
  const std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t, Freed> change(
      rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
  const std::unique_ptr<rd_kafka_AdminOptions_t, Freed> options(
      rd_kafka_AdminOptions_new(client->get(), RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs, why, sizeof(why));
  const std::unique_ptr<rd_kafka_queue_t, Freed> queue(rd_kafka_queue_new(client->get()));
  rd_kafka_AlterConsumerGroupOffsets_t* changes[] = {change.get()};
  rd_kafka_AlterConsumerGroupOffsets(client->get(), changes, 1, options.get(), queue.get());
  const std::unique_ptr<rd_kafka_event_t, Freed> answer(rd_kafka_queue_poll(queue.get(), kTimeoutMs));
  if (answer == nullptr) return client->Explain(absl::UnavailableError(doing));
  return client->Explain(StatusOf(answer.get(), doing));
}

}  // namespace weir::taskmanager::kafka
