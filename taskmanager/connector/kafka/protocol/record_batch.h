#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/protocol/compression.h"
#include "taskmanager/connector/kafka/transaction/handle.h"

namespace weir::taskmanager::kafka::protocol {

/// A record batch as it lies in the log (format 2, Kafka 0.11 on). Batches of the older formats have neither producer
/// nor checksum here: only their offsets.
struct RecordBatch {
  int64_t base_offset = 0;
  int64_t last_offset = 0;
  int8_t format = 2;
  Compression compression = Compression::kNone;
  bool log_append_time = false;
  bool transactional = false;
  bool control = false;  // markers of transactions
  int64_t base_timestamp_ms = 0, max_timestamp_ms = 0;
  ProducerIdentity producer;
  int32_t record_count = 0;
  std::string_view records;  // of the bytes that the batch was read from
};

/// Takes the next batch off the front of `log`. Nothing: the rest is a batch that was cut short, as the last one of a
/// fetch may be. kDataLoss: damaged; a batch of format 2 is held against its CRC-32C.
absl::StatusOr<std::optional<RecordBatch>> NextBatch(std::string_view* log);

/// Calls `found` for each record of a batch of format 2 that is no control batch. Offsets, timestamps and all are the
/// record's; `partition` is put into it.
/// Errors: kDataLoss: damaged; kResourceExhausted: unfolds to more than `most_bytes`; those of `found`.
absl::Status ForEachRecord(const RecordBatch& batch, int32_t partition, size_t most_bytes,
                           const std::function<absl::Status(KafkaRecord)>& found);

}  // namespace weir::taskmanager::kafka::protocol
