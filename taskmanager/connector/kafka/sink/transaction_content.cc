#include "taskmanager/connector/kafka/sink/transaction_content.h"

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"

namespace weir::taskmanager::kafka {

TransactionContent::TransactionContent(bool keep)
    : keep_(keep), inline_bytes_(WEIR_BUGGIFY("kafka_records_in_the_log_only") ? 0 : kInlineBytes) {}

bool TransactionContent::WillKeep(size_t bytes) {
  if (!kept_) return false;
  if (keep_ || wal_.size() + bytes <= inline_bytes_) return true;
  kept_ = false;
  std::string().swap(wal_);
  return false;
}

void TransactionContent::Add(const OutgoingRecord& record, int64_t timestamp_ms) {
  ++records_;
  checksum_ += RecordChecksum(record.partition, record.key.data(), record.key.size(), record.has_key,
                              record.value.data(), record.value.size(), record.has_value);
  if (!WillKeep(record.key.size() + record.value.size())) return;
  AppendRecord(CopyOf(record, timestamp_ms), &wal_);
}

void TransactionContent::Add(const KafkaRecord& record) {
  ++records_;
  checksum_ += RecordChecksum(record.partition, record.key.data(), record.key.size(), record.has_key,
                              record.value.data(), record.value.size(), record.has_value);
  if (WillKeep(record.key.size() + record.value.size())) AppendRecord(record, &wal_);
}

absl::Status TransactionContent::CheckRuns(const std::vector<OffsetRun>& runs) const {
  int64_t confirmed = 0;
  for (const OffsetRun& run : runs) confirmed += run.records;
  if (confirmed == records_) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(records_, " records were written into a transaction, ", confirmed, " were confirmed"));
}

}  // namespace weir::taskmanager::kafka
