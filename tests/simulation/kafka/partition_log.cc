#include "tests/simulation/kafka/partition_log.h"

#include <algorithm>

#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::sim {
namespace {

using namespace taskmanager::kafka::protocol;

constexpr int16_t kOutOfOrderSequence = 45;
constexpr size_t kBatchesKnown = 5;

}  // namespace

int16_t PartitionLog::Append(const ProducerIdentity& producer, int32_t sequence, bool transactional,
                             const std::vector<KafkaRecord>& records, int64_t* base_offset) {
  const bool known_producer = producer.producer_id >= 0;
  Producer& state = producers_[producer.producer_id];
  if (known_producer) {
    if (producer.epoch < state.epoch) return kInvalidProducerEpoch;
    if (producer.epoch > state.epoch) {
      // A producer that is not known here may begin anywhere; a new epoch begins with 0.
      if (state.epoch >= 0 && sequence != 0) return kOutOfOrderSequence;
      state.epoch = producer.epoch;
      state.last.clear();
    } else {
      for (const Batch& batch : state.last) {
        if (batch.sequence != sequence || batch.count != static_cast<int32_t>(records.size())) continue;
        *base_offset = batch.offset;
        return kNone;
      }
      const int32_t expected = state.last.empty() ? 0 : state.last.back().sequence + state.last.back().count;
      if (sequence != expected) return kOutOfOrderSequence;
    }
  }
  *base_offset = end();
  for (const KafkaRecord& record : records) {
    Entry entry{producer, record, transactional ? Fate::kUndecided : Fate::kCommitted, false};
    entry.record.offset = end();
    entries_.push_back(std::move(entry));
  }
  if (!known_producer) return kNone;
  state.last.push_back({sequence, static_cast<int32_t>(records.size()), *base_offset});
  if (state.last.size() > kBatchesKnown) state.last.pop_front();
  if (transactional && !state.first_undecided) state.first_undecided = *base_offset;
  return kNone;
}

bool PartitionLog::InTransaction(const ProducerIdentity& producer) const {
  const auto at = producers_.find(producer.producer_id);
  return at != producers_.end() && at->second.epoch == producer.epoch && at->second.first_undecided.has_value();
}

int16_t PartitionLog::EndTransaction(const ProducerIdentity& producer, bool commit) {
  Producer& state = producers_[producer.producer_id];
  if (producer.epoch < state.epoch) return kInvalidProducerEpoch;
  if (producer.epoch > state.epoch) {
    state.epoch = producer.epoch;
    state.last.clear();
  }
  if (state.first_undecided) {
    for (int64_t offset = *state.first_undecided; offset < end(); ++offset) {
      Entry& entry = entries_[static_cast<size_t>(offset)];
      if (entry.producer.producer_id != producer.producer_id || entry.fate != Fate::kUndecided) continue;
      entry.fate = commit ? Fate::kCommitted : Fate::kAborted;
    }
    state.first_undecided.reset();
  }
  Entry control{producer, {}, Fate::kCommitted, true};
  control.record.offset = end();
  entries_.push_back(std::move(control));
  return kNone;
}

int64_t PartitionLog::last_stable() const {
  int64_t stable = end();
  for (const auto& [id, state] : producers_) {
    if (state.first_undecided) stable = std::min(stable, *state.first_undecided);
  }
  return stable;
}

void PartitionLog::DeleteBefore(int64_t offset) { start_ = std::clamp(offset, start_, end()); }

}  // namespace weir::sim
