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
#include "taskmanager/connector/kafka/source/rd_consumer.h"

namespace weir::taskmanager::kafka {
namespace {

constexpr int kTimeoutMs = 5'000;
constexpr int64_t kMemoryBytes = 1 << 20;  // nothing is fetched

struct Freed {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
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

absl::Status StatusOf(rd_kafka_event_t* answer, const std::string& doing) {
  RETURN_IF_ERROR(KafkaError(rd_kafka_event_error(answer), doing));
  const rd_kafka_topic_partition_list_t* const partitions = rd_kafka_event_topic_partition_list(answer);
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
  // As a consumer does, not by an admin request: librdkafka 2.0.2 aborts the process when one to a group's coordinator
  // is under way and the broker dies.
  ASSIGN_OR_RETURN(const std::shared_ptr<Client> client,
                   RdConsumer::MakeClient(source, NameOf(context), group, kMemoryBytes));
  const std::unique_ptr<rd_kafka_queue_t, Freed> queue(rd_kafka_queue_new(client->get()));
  RETURN_IF_ERROR(KafkaError(rd_kafka_commit_queue(client->get(), list.get(), queue.get(), nullptr, nullptr), doing));
  const std::unique_ptr<rd_kafka_event_t, Freed> answer(rd_kafka_queue_poll(queue.get(), kTimeoutMs));
  if (answer == nullptr) return client->Explain(absl::UnavailableError(doing));
  return client->Explain(StatusOf(answer.get(), doing));
}

}  // namespace weir::taskmanager::kafka
