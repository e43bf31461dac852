#pragma once

#include <string>
#include <vector>

#include "taskmanager/connector/kafka/protocol/record_batch.h"

namespace weir::taskmanager::kafka::protocol {

/// Record batches as a producer and a broker make them, for tests.
struct BatchOptions {
  int64_t base_offset = 100;
  Compression compression = Compression::kNone;
  bool xerial = false;  // snappy in the frames of Java's client
  bool control = false;
  bool log_append_time = false;
  ProducerIdentity producer{4001, 3};
};
/// Offsets and timestamps are the records' own; the first may lie behind base_offset, as after compaction.
std::string WriteBatch(const std::vector<KafkaRecord>& records, const BatchOptions& options = {});
std::string Compress(Compression compression, bool xerial, const std::string& bytes);
/// Puts the right checksum into a batch whose content was changed.
void Seal(std::string* batch);

KafkaRecord Record(int64_t offset, const std::string& key, const std::string& value);

}  // namespace weir::taskmanager::kafka::protocol
