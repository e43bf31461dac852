#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "taskmanager/connector/kafka/source/kafka_split.h"

namespace weir::taskmanager::kafka {

/// What a partition has to say.
struct Consumed {
  enum class Kind : uint8_t {
    kRecord,
    kEnd,         // nothing below `offset` is still to come, and there is nothing behind it now
    kOutOfRange,  // there is no `offset`
    kMissing,     // the topic or the partition seems to be gone
    kError,       // `error`; reading cannot go on
  };
  Kind kind = Kind::kRecord;
  int32_t split = -1;  // as given to Assign; -1: of no partition
  int64_t offset = 0;
  const char* data = nullptr;  // null: the record has no value
  size_t size = 0;
  absl::Status error;
};

/// Reads partitions from given offsets: a Kafka client, or what a test puts in its place.
///
/// Thread:  confined, but for what `wake` was given for.
class RecordConsumer {
 public:
  struct Start {
    KafkaSplit split;
    int64_t offset = 0;
  };
  struct Range {
    int64_t low = 0;
    int64_t high = 0;
  };
  virtual ~RecordConsumer() = default;
  /// By the number of the split. Called again, everything is read from there; what was consumed before stays valid.
  virtual absl::Status Assign(const std::map<int32_t, Start>& starts) = 0;
  /// What is there, at most `most`; never waits. Values are valid until Release.
  virtual const std::vector<Consumed>& Consume(size_t most) = 0;
  virtual void Release() = 0;
  /// Nothing more is wanted of the split.
  virtual void Stop(int32_t split) = 0;
  /// Asks the broker; may take a while.
  virtual absl::StatusOr<Range> QueryRange(int32_t split) = 0;
  /// The high watermark as of the last RefreshWatermarks; -1: not known. Takes no lock: metrics are made under one.
  virtual int64_t HighWatermark(int32_t split) const = 0;
  /// Without asking the broker: what its answers said.
  virtual void RefreshWatermarks() = 0;
  /// Tells the group, without waiting; failing is a warning.
  virtual void CommitOffsets(const std::map<int32_t, int64_t>& offsets) = 0;
};

}  // namespace weir::taskmanager::kafka
