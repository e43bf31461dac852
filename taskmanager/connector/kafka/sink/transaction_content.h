#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "taskmanager/connector/kafka/transaction/producer_port.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

namespace weir::taskmanager::kafka {

/// What was written into a transaction: how many records, their checksum, and the records themselves while they are few
/// or must be kept, so that a repair finds again exactly these.
/// Thread: confined, then handed over with the transaction.
class TransactionContent {
 public:
  /// Records up to this size in all travel in the handle.
  static constexpr size_t kInlineBytes = size_t{64} << 10;

  /// `keep`: keep the records however many there are.
  explicit TransactionContent(bool keep);

  void Add(const OutgoingRecord& record, int64_t timestamp_ms);
  void Add(const KafkaRecord& record);

  int64_t records() const { return records_; }
  uint64_t checksum() const { return checksum_; }
  /// All records are in `wal`.
  bool kept() const { return kept_; }
  const std::string& wal() const { return wal_; }
  std::string TakeWal() { return std::move(wal_); }

  /// Whether `runs`, from the delivery reports, are of these records. kInternal: they are not.
  absl::Status CheckRuns(const std::vector<OffsetRun>& runs) const;

 private:
  bool WillKeep(size_t bytes);

  const bool keep_;
  const size_t inline_bytes_;
  bool kept_ = true;
  int64_t records_ = 0;
  uint64_t checksum_ = 0;
  std::string wal_;
};

}  // namespace weir::taskmanager::kafka
