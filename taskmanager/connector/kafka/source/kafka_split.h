#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"

namespace weir::taskmanager::kafka {

/// A partition as the enumerator found it. Lives in checkpoints: versioned.
struct KafkaSplit {
  static constexpr uint8_t kVersion = 1;
  static constexpr int64_t kNoStop = -1;
  std::string topic;
  std::string topic_id;  // Kafka's uuid, 16 bytes; empty: not known
  int32_t partition = 0;
  int64_t start = 0;       // offset of the first record to read
  int64_t stop = kNoStop;  // offset behind the last one; kNoStop: never
  friend bool operator==(const KafkaSplit&, const KafkaSplit&) = default;
};

checkpoint::SourceSplits::Split EncodeSplit(const KafkaSplit& split);
/// kDataLoss: not a partition, or of a later version.
absl::StatusOr<KafkaSplit> DecodeSplit(const std::string& payload);

/// Where reading of a split goes on: the offset of the next record, in decimal.
std::string EncodePosition(int64_t offset);
/// kDataLoss: not a position.
absl::StatusOr<int64_t> DecodePosition(const std::string& position, const KafkaSplit& split);

/// `topic-3@17`: where a record comes from, for messages and `.errors`.
std::string Origin(const KafkaSplit& split, int64_t offset);

}  // namespace weir::taskmanager::kafka
