#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "taskmanager/connector/kafka/transaction/handle.h"

namespace weir::sim {

using taskmanager::kafka::KafkaRecord;
using taskmanager::kafka::ProducerIdentity;

/// One partition of a topic as its leader has it: records, markers of transactions, what it knows of producers.
/// Thread: confined.
/// Source: ProducerStateManager, ProducerAppendInfo (kafka/storage).
class PartitionLog {
 public:
  enum class Fate : uint8_t { kUndecided, kCommitted, kAborted };
  struct Entry {
    ProducerIdentity producer;
    KafkaRecord record;  // with its offset
    Fate fate = Fate::kUndecided;
    bool control = false;
  };

  /// One batch. A repeated one (of the last five) is recognised by its sequence and answered as the first time.
  /// Errors: 45, 47.
  int16_t Append(const ProducerIdentity& producer, int32_t sequence, bool transactional,
                 const std::vector<KafkaRecord>& records, int64_t* base_offset);
  /// Whether that producer has records here that are undecided: then no one asks its coordinator.
  bool InTransaction(const ProducerIdentity& producer) const;
  /// The end of a transaction. Errors: 47: of an epoch that is over.
  int16_t EndTransaction(const ProducerIdentity& producer, bool commit);

  int64_t start() const { return start_; }
  int64_t end() const { return static_cast<int64_t>(entries_.size()); }
  /// A reader of what is committed reads up to here.
  int64_t last_stable() const;
  const Entry& at(int64_t offset) const { return entries_[static_cast<size_t>(offset)]; }
  /// Retention: offsets before it are gone.
  void DeleteBefore(int64_t offset);
  /// Changes the value of a record on the disk.
  void Corrupt(int64_t offset) { entries_[static_cast<size_t>(offset)].record.value += '?'; }

 private:
  struct Batch {
    int32_t sequence = 0, count = 0;
    int64_t offset = 0;
  };
  struct Producer {
    int16_t epoch = -1;
    std::deque<Batch> last;  // of this epoch
    std::optional<int64_t> first_undecided;
  };

  std::vector<Entry> entries_;
  std::map<int64_t, Producer> producers_;
  int64_t start_ = 0;
};

}  // namespace weir::sim
