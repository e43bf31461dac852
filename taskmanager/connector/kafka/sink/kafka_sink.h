#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/sink/kafka_transaction.h"
#include "taskmanager/connector/kafka/sink/row_encoder.h"
#include "taskmanager/connector/kafka/sink/sink_recovery.h"
#include "taskmanager/connector/kafka/sink/sink_services.h"
#include "taskmanager/connector/two_phase_commit_sink.h"

namespace weir::taskmanager::kafka {

/// Exactly once into a Kafka topic: one transaction per epoch with records (design.md 6; reference 7).
///
/// Thread:  as TwoPhaseCommitSink says.
/// Errors:  of Write: kUnavailable: no transaction or no room for records in time, or the open transaction is older than
///          half its timeout; what librdkafka says of records and logins (kafka_error.h).
class KafkaSink final : public TwoPhaseCommitSink {
 public:
  KafkaSink(std::shared_ptr<SinkServices> services, std::unique_ptr<RowEncoder> encoder);
  ~KafkaSink() override;

  std::string connector() const override { return "kafka"; }
  absl::Status Open() override;
  absl::Status Write(const batch::Batch& batch) override;
  bool ReadyToSeal() const override;
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override;
  absl::Status Commit(const std::string& handle) override;
  absl::Status Resolve(const std::string& handle) override;
  absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) override;
  absl::Status Sweep() override { return recovery_.Sweep(); }
  absl::Status Forget(Attempt below) override { return recovery_.Forget(below); }
  bool SweepsWhileRunning() const override { return true; }
  absl::Status Flush() override;
  control::SinkTransactions Transactions() const override;

 private:
  absl::Status EnsureOpen();
  absl::Status CheckAge() const;
  absl::Status WriteRows(const batch::Batch& batch, int64_t from, int64_t count, int64_t now_ms);

  const std::shared_ptr<SinkServices> services_;
  const std::unique_ptr<RowEncoder> encoder_;
  SinkRecovery recovery_;
  std::unique_ptr<KafkaTransaction> open_;  // null: nothing was written since the last Seal
  std::shared_ptr<DrainGate> before_;       // of the transaction sealed last
  int32_t sticky_;                          // where records without key go
};

}  // namespace weir::taskmanager::kafka
