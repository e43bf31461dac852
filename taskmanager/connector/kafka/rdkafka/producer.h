#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/transaction/producer_port.h"

struct rd_kafka_message_s;
struct rd_kafka_op_s;

namespace weir::taskmanager::kafka {

/// One librdkafka instance (it cannot be initialised again).
///
/// Thread:  as Producer says. The destructor joins librdkafka's threads (about 1 ms; up to 3 s more
/// right after the first
///          record).
class RdkafkaProducer final : public Producer {
 public:
  /// No I/O.
  static absl::StatusOr<std::unique_ptr<RdkafkaProducer>> Create(ProducerOptions options);
  ~RdkafkaProducer() override;

  absl::Status Warm(int64_t timeout_ms) override;
  absl::Status Begin() override;
  int32_t partition_count() const override { return static_cast<int32_t>(state_.size()); }
  int32_t PartitionOf(std::string_view key, bool has_key, int32_t sticky) const;
  void Route(OutgoingRecord* records, size_t count, int32_t sticky) const override;
  absl::Status Produce(const OutgoingRecord* records, size_t count, int64_t patience_ms) override;
  absl::Status Produce(const KafkaRecord& record, int64_t patience_ms) override;
  void Poll(int timeout_ms) override;
  absl::Status status() const override;
  int64_t losses() const override;
  absl::Status last_loss() const override;
  std::vector<int64_t> Produced() const override;
  absl::Status Drain(const std::vector<int64_t>& produced, int64_t timeout_ms) override;
  std::vector<OffsetRun> Runs() const override;
  absl::Status QueryOffsets(int32_t partition, int64_t timeout_ms, int64_t* first, int64_t* end) override;
  absl::Status SendMarker(int32_t partition, const Marker& marker, int64_t timeout_ms) override;
  absl::Status Commit(int64_t timeout_ms) override;
  const ProducerOptions& options() const override { return options_; }
  /// Of the cluster; empty before Warm.
  std::string cluster_id() const;

 private:
  struct PartitionState {
    int64_t produced = 0;
    int64_t delivered = 0;  // with count_losses also the lost ones
    int64_t first = -1;
    int64_t last = -1;
    bool offsets_unknown = false;
  };
  using PartitionerFunction = int32_t (*)(const rd_kafka_topic_s*, const void*, size_t, int32_t, void*, void*);

  RdkafkaProducer(ProducerOptions options, std::unique_ptr<Client> client);
  absl::Status InitTransactions(int64_t deadline);
  absl::Status FetchMetadata(int64_t deadline);
  /// librdkafka (2.0.2) aborts the process when it is destroyed in the moment in which it sends AddPartitionsToTxn: the
  /// request is answered with an error before it was counted (txn_req_cnt). So the first record of each partition is
  /// waited for, for a while; without a broker nothing is sent either.
  void Settle();
  void Handle(rd_kafka_op_s* event);
  void OnDelivered(rd_kafka_op_s* event);
  /// Waits until `count` records of `bytes` have room.
  absl::Status WaitForRoom(size_t count, int64_t bytes, int64_t patience_ms);
  /// What did not get in, or did not arrive. Under the lock.
  void Lost(int32_t partition, absl::Status why);
  /// With why the broker is not reached, when that is all there is to say.
  absl::Status Explain(absl::Status status);

  const ProducerOptions options_;
  std::unique_ptr<Client> client_;
  Topic topic_;
  rd_kafka_queue_s* queue_ = nullptr;
  PartitionerFunction partitioner_ = nullptr;
  bool keyless_anywhere_ = true;
  bool initialised_ = false;
  std::vector<rd_kafka_message_s> scratch_;

  mutable std::mutex mutex_;
  std::vector<PartitionState> state_;  // its size is fixed by Warm
  int64_t waiting_records_ = 0;
  int64_t waiting_bytes_ = 0;
  absl::Status status_;
  int64_t losses_ = 0;
  absl::Status last_loss_;
};

ProducerFactory MakeRdkafkaProducers();

}  // namespace weir::taskmanager::kafka
