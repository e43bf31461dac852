#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/source/record_consumer.h"

struct rd_kafka_message_s;

namespace weir::taskmanager::kafka {

/// RecordConsumer by librdkafka: one client for all partitions of a subtask, never a member of a group.
///
/// Thread:  confined to the task's thread; `wake` is called on librdkafka's, when its queue stops being empty, with locks
///          of librdkafka held: nobody may call a client while holding a lock that `wake` takes.
/// Shape:   librdkafka fetches ahead, up to a share of `memory_bytes`.
class RdConsumer final : public RecordConsumer {
 public:
  struct Options {
    std::string name;  // for messages: `source transactions`
    std::string group_id;
    int64_t memory_bytes = 0;
    std::function<void()> wake;
    /// Asks anything of a partition's leader, on another thread: wakes librdkafka's fetcher of that broker.
    std::function<void(const std::string& topic, int32_t partition)> nudge;
  };
  /// A client of this source: for the consumer and for questions about topics.
  /// kInvalidArgument: a property that librdkafka refuses.
  static absl::StatusOr<std::shared_ptr<Client>> MakeClient(const KafkaSourceOptions& source, const std::string& name,
                                                            const std::string& group_id, int64_t memory_bytes);
  RdConsumer(std::shared_ptr<Client> client, Options options);
  ~RdConsumer() override;

  absl::Status Assign(const std::map<int32_t, Start>& starts) override;
  const std::vector<Consumed>& Consume(size_t most) override;
  void Release() override;
  void Stop(int32_t split) override;
  absl::StatusOr<Range> QueryRange(int32_t split) override;
  int64_t HighWatermark(int32_t split) const override;
  void RefreshWatermarks() override;
  void CommitOffsets(const std::map<int32_t, int64_t>& offsets) override;

 private:
  struct Group;  // offsets on their way to the group

  int32_t SplitOf(const rd_kafka_message_s& message);
  /// False: nothing that the reader has to know.
  bool Convert(const rd_kafka_message_s& message, Consumed* out);
  /// librdkafka 2.0 looks at a queue that was full only once a second: it is told when there is room again.
  void WatchQueue(size_t taken, int32_t split);

  const std::shared_ptr<Client> client_;
  const Options options_;
  rd_kafka_queue_s* queue_ = nullptr;
  std::map<int32_t, KafkaSplit> splits_;
  std::map<int32_t, int64_t> high_;
  std::map<std::pair<std::string, int32_t>, int32_t> by_name_;
  std::map<std::pair<const void*, int32_t>, int32_t> by_handle_;
  const void* last_handle_ = nullptr;
  int32_t last_partition_ = -1;
  int32_t last_split_ = -1;
  std::vector<rd_kafka_message_s*> messages_;
  size_t held_ = 0;  // of `messages_`, until Release
  std::vector<Consumed> consumed_;
  size_t peak_ = 0;          // longest queue since the last nudge
  double mean_bytes_ = 100;  // of a value, lately
};

}  // namespace weir::taskmanager::kafka
