#pragma once

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/runtime/sync.h"
#include "taskmanager/connector/kafka/transaction/producer_port.h"

namespace weir::taskmanager::kafka {

/// Keeps the records of two transactions of a subtask in order: they are sent by two producers, and the later one may
/// only begin when all records of the sealed one are in the log.
///
/// Thread: any. The producer lives until Close has returned.
class DrainGate {
 public:
  DrainGate(Producer* producer, std::vector<int64_t> produced)
      : producer_(producer), produced_(std::move(produced)) {}

  /// Waits until all records are confirmed; nothing to wait for after Close.
  absl::Status Pass(int64_t timeout_ms) {
    std::lock_guard lock(mutex_);
    if (producer_ == nullptr) return absl::OkStatus();
    return producer_->Drain(produced_, timeout_ms);
  }
  void Close() {
    std::lock_guard lock(mutex_);
    producer_ = nullptr;
  }

 private:
  runtime::Mutex mutex_;
  Producer* producer_;
  const std::vector<int64_t> produced_;
};

}  // namespace weir::taskmanager::kafka
