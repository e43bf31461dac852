#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/sink/drain_gate.h"
#include "taskmanager/connector/kafka/sink/sink_services.h"
#include "taskmanager/connector/kafka/sink/transaction_content.h"
#include "taskmanager/connector/two_phase_commit_sink.h"

namespace weir::taskmanager::kafka {

/// One transaction from its first record to its handle. Open until it is sealed, then a pool thread pre-commits it
/// (reference 7.2): every record confirmed, the broker's own word for who we are, the marker, the deadline. After that
/// nothing is ever sent under its producer epoch again (I2).
///
/// Thread: one at a time.
class KafkaTransaction final : public SealedTransaction {
 public:
  KafkaTransaction(std::shared_ptr<SinkServices> services, std::unique_ptr<WarmTransaction> warm);
  /// Not prepared: left as it is, for the sweep of the next attempt to abort.
  ~KafkaTransaction() override;

  Producer& producer() { return *warm_->producer; }
  TransactionContent& content() { return content_; }
  int64_t opened_at_ms() const { return opened_at_ms_; }
  const std::string& id() const { return warm_->id; }
  /// For `weir transactions`.
  void ShowRecords() { warm_->records->store(content_.records(), std::memory_order_relaxed); }
  absl::Status Seal(CheckpointId checkpoint);
  /// After Seal: what the next transaction has to pass before its first record.
  std::shared_ptr<DrainGate> gate() const { return gate_; }

  absl::StatusOr<std::optional<std::string>> PreCommit() override;
  int64_t deadline_ms() const override { return deadline_ms_; }
  std::vector<checkpoint::FileRef> files() const override { return files_; }

 private:
  absl::Status FindRuns();
  absl::Status KeepRecords();
  /// Pid, epoch, start and timeout, as the coordinator has them.
  absl::Status Identify();
  absl::Status CheckDeadline();

  const std::shared_ptr<SinkServices> services_;
  std::unique_ptr<WarmTransaction> warm_;
  TransactionContent content_;
  std::shared_ptr<DrainGate> gate_;
  const int64_t opened_at_ms_;
  KafkaHandle handle_;
  int64_t deadline_ms_ = 0;
  std::vector<checkpoint::FileRef> files_;
};

}  // namespace weir::taskmanager::kafka
