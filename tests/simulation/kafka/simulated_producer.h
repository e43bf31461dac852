#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/transaction/producer_port.h"
#include "tests/simulation/kafka/simulated_brokers.h"

namespace weir::sim {

/// What librdkafka's producer does, over the model: records wait and linger, a partition is added to the transaction
/// before its first batch, batches are sent again with their sequence until they are answered; the end of the instance
/// aborts nothing, and what it has sent takes effect all the same.
///
/// Thread:  the simulation's; its sender is a fiber of the process.
class SimulatedProducer final : public taskmanager::kafka::Producer {
 public:
  using Options = taskmanager::kafka::ProducerOptions;
  SimulatedProducer(Options options, KafkaNetwork* network, const Clock* clock);
  ~SimulatedProducer() override;

  absl::Status Warm(int64_t timeout_ms) override;
  absl::Status Begin() override;
  int32_t partition_count() const override;
  void Route(taskmanager::kafka::OutgoingRecord* records, size_t count, int32_t sticky) const override;
  absl::Status Produce(const taskmanager::kafka::OutgoingRecord* records, size_t count, int64_t patience_ms) override;
  absl::Status Produce(const KafkaRecord& record, int64_t patience_ms) override;
  void Poll(int timeout_ms) override;
  absl::Status status() const override;
  int64_t losses() const override { return 0; }
  absl::Status last_loss() const override { return absl::OkStatus(); }
  std::vector<int64_t> Produced() const override;
  absl::Status Drain(const std::vector<int64_t>& produced, int64_t timeout_ms) override;
  std::vector<taskmanager::kafka::OffsetRun> Runs() const override;
  absl::Status QueryOffsets(int32_t partition, int64_t timeout_ms, int64_t* first, int64_t* end) override;
  absl::Status SendMarker(int32_t partition, const Marker& marker, int64_t timeout_ms) override;
  absl::Status Commit(int64_t timeout_ms) override;
  const Options& options() const override;

 private:
  struct Instance;
  const std::shared_ptr<Instance> instance_;  // shared with its sender
};

}  // namespace weir::sim
