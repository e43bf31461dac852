#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/sink/row_encoder.h"
#include "taskmanager/connector/kafka/sink/sink_recovery.h"
#include "taskmanager/connector/kafka/sink/sink_services.h"
#include "taskmanager/connector/two_phase_commit_sink.h"

namespace weir::taskmanager::kafka {

/// Into a Kafka topic without transactions. at_least_once: a checkpoint completes only after every record before it is
/// confirmed (idempotent producer: no reordering, no copies within an attempt). none: nobody waits, losses are counted
/// and logged. Handles of a former, transactional life of the job are resolved all the same.
///
/// Thread: as TwoPhaseCommitSink says.
class PlainSink final : public TwoPhaseCommitSink {
 public:
  PlainSink(std::shared_ptr<SinkServices> services, std::unique_ptr<RowEncoder> encoder, bool confirmed);
  ~PlainSink() override;

  std::string connector() const override { return "kafka"; }
  absl::Status Open() override;
  absl::Status Write(const batch::Batch& batch) override;
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override;
  absl::Status Commit(const std::string& handle) override { return Resolve(handle); }
  absl::Status Resolve(const std::string& handle) override;
  absl::Status ResolveAll(const std::vector<checkpoint::SinkHandle>& handles) override;
  absl::Status Sweep() override { return recovery_.Sweep(); }
  absl::Status Flush() override;
  control::SinkTransactions Transactions() const override;

 private:
  void LogLosses();

  const std::shared_ptr<SinkServices> services_;
  const std::unique_ptr<RowEncoder> encoder_;
  const bool confirmed_;
  SinkRecovery recovery_;
  std::shared_ptr<Producer> producer_;
  bool written_ = false;  // since the last Seal
  int64_t losses_logged_ = 0;
  int32_t sticky_;
};

}  // namespace weir::taskmanager::kafka
