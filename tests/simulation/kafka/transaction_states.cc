#include "tests/simulation/kafka/transaction_states.h"

#include <algorithm>
#include <array>

#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::sim {
namespace {

using namespace taskmanager::kafka::protocol;
using State = TransactionStates::State;

constexpr int16_t kLastEpoch = 32766;

bool IsEnding(State state) { return state == State::kPrepareCommit || state == State::kPrepareAbort; }

}  // namespace

std::string_view NameOf(State state) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "Empty",         "Ongoing",           "PrepareCommit", "PrepareAbort", "CompleteCommit",
      "CompleteAbort", "PrepareEpochFence", "Dead",          "Unknown"};
  return kNames[static_cast<size_t>(state)];
}

TransactionStates::TransactionStates(Options options, Rng rng, WriteMarker write_marker, WallMillis wall_ms)
    : options_(options), rng_(rng), write_marker_(std::move(write_marker)), wall_ms_(std::move(wall_ms)) {
  Push(Draw(0, options_.sweep_interval), "", 0, std::nullopt);
}

SteadyMicros TransactionStates::Draw(SteadyMicros least, SteadyMicros most) {
  return least + static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(most - least) + 1));
}

void TransactionStates::Push(SteadyMicros at, std::string id, uint64_t turn, std::optional<PartitionName> marker) {
  due_.push(Due{at, ++order_, std::move(id), turn, std::move(marker)});
}

void TransactionStates::Advance(SteadyMicros now) {
  while (!due_.empty() && due_.top().at <= now) {
    const Due due = due_.top();
    due_.pop();
    now_ = std::max(now_, due.at);
    if (due.id.empty()) {
      Sweep();
      Push(now_ + options_.sweep_interval, "", 0, std::nullopt);
      continue;
    }
    const auto at = known_.find(due.id);
    if (at == known_.end() || at->second.turn != due.turn) continue;
    Known& known = at->second;
    if (!due.marker) {
      Appended(due.id, known);
      continue;
    }
    if (!write_marker_(*due.marker, known.memory.identity, known.memory.state == State::kPrepareCommit)) {
      Push(now_ + Draw(options_.marker_least, options_.marker_most) + 5'000, due.id, due.turn, due.marker);
      continue;
    }
    known.markers.erase(*due.marker);
    if (known.markers.empty()) SendMarkers(due.id, known);
  }
  now_ = std::max(now_, now);
}

/// Of the markers that are left; when none is, the end is written into the log.
void TransactionStates::SendMarkers(const std::string& id, Known& known) {
  if (!known.markers.empty()) {
    for (const PartitionName& partition : known.markers) {
      Push(now_ + marker_delay_ + Draw(options_.marker_least, options_.marker_most), id, known.turn, partition);
    }
    return;
  }
  Transaction done = known.memory;
  done.state = done.state == State::kPrepareCommit ? State::kCompleteCommit : State::kCompleteAbort;
  done.partitions.clear();
  if (done.next) done.identity = *done.next;
  done.next.reset();
  Append(id, known, std::move(done));
}

void TransactionStates::Appended(const std::string& id, Known& known) {
  if (!known.pending) return;
  known.memory = known.durable = *known.pending;
  known.pending.reset();
  known.in_log = true;
  if (!IsEnding(known.memory.state)) return;
  known.markers = known.memory.partitions;
  SendMarkers(id, known);
}

CoordinatorAnswer TransactionStates::Append(const std::string& id, Known& known, Transaction next) {
  next.updated_ms = wall_ms_();
  CoordinatorAnswer answer{kNone, now_ + Draw(options_.append_least, options_.append_most), next.identity};
  known.pending = std::move(next);
  Push(answer.ready_at, id, ++known.turn, std::nullopt);
  return answer;
}

const TransactionStates::Transaction* TransactionStates::Find(const std::string& id) const {
  const auto at = known_.find(id);
  return at == known_.end() ? nullptr : &at->second.memory;
}

int16_t TransactionStates::Check(const std::string& id, const ProducerIdentity& producer) const {
  const Transaction* const found = Find(id);
  if (found == nullptr || found->identity.producer_id != producer.producer_id) return kInvalidProducerIdMapping;
  return found->identity.epoch == producer.epoch ? kNone : kProducerFenced;
}

ProducerIdentity TransactionStates::Next(const Transaction& transaction) {
  if (transaction.identity.epoch >= kLastEpoch) return {next_producer_id_++, 0};
  return {transaction.identity.producer_id, static_cast<int16_t>(transaction.identity.epoch + 1)};
}

CoordinatorAnswer TransactionStates::InitProducerId(const std::string& id, int64_t timeout_ms) {
  if (timeout_ms <= 0 || timeout_ms > options_.max_timeout_ms) return Fail(kInvalidTransactionTimeout);
  auto at = known_.find(id);
  if (at == known_.end()) {
    Known fresh;
    fresh.memory.identity = {next_producer_id_++, static_cast<int16_t>(options_.first_epoch - 1)};
    fresh.memory.updated_ms = wall_ms_();
    at = known_.emplace(id, std::move(fresh)).first;
    ids_.insert(std::lower_bound(ids_.begin(), ids_.end(), id), id);
  }
  Known& known = at->second;
  if (known.pending || IsEnding(known.memory.state)) return Fail(kConcurrentTransactions);
  if (known.memory.state == State::kOngoing) {
    Fence(id, known);
    // Answered when the abort is in the log.
    return {kConcurrentTransactions, now_ + options_.append_most, {}};
  }
  Transaction next = known.memory;
  if (options_.raises_epochs || !known.in_log) next.identity = Next(known.memory);
  next.state = State::kEmpty;
  next.timeout_ms = timeout_ms;
  next.started_ms = -1;
  next.partitions.clear();
  return Append(id, known, std::move(next));
}

/// Raised in memory first: what is not in the log when the coordinator goes is as if it had never been.
void TransactionStates::Fence(const std::string& id, Known& known) {
  ++known.memory.identity.epoch;
  Transaction next = known.memory;
  next.state = State::kPrepareAbort;
  Append(id, known, std::move(next));
}

CoordinatorAnswer TransactionStates::AddPartition(const std::string& id, const ProducerIdentity& producer,
                                                  const PartitionName& partition) {
  if (const int16_t error = Check(id, producer); error != kNone) return Fail(error);
  Known& known = known_.find(id)->second;
  if (known.pending || IsEnding(known.memory.state)) return Fail(kConcurrentTransactions);
  if (known.memory.state == State::kOngoing && known.memory.partitions.contains(partition)) return Fail(kNone);
  Transaction next = known.memory;
  if (next.state != State::kOngoing) {
    next.state = State::kOngoing;
    next.started_ms = wall_ms_();
    next.partitions.clear();
  }
  next.partitions.insert(partition);
  return Append(id, known, std::move(next));
}

CoordinatorAnswer TransactionStates::EndTxn(const std::string& id, const ProducerIdentity& producer, bool commit,
                                            int version) {
  const auto at = known_.find(id);
  if (at == known_.end()) return Fail(kInvalidProducerIdMapping);
  Known& known = at->second;
  const Transaction& memory = known.memory;
  if (version >= 5 && options_.transaction_version >= 2) {
    const bool rotated = memory.identity.epoch == 0 && producer.epoch == kLastEpoch;
    if (memory.identity.producer_id != producer.producer_id && !rotated) return Fail(kInvalidProducerIdMapping);
    const bool repeated = rotated || memory.identity.epoch == producer.epoch + 1;
    if (!repeated && memory.identity.epoch != producer.epoch) return Fail(kProducerFenced);
    if (known.pending) return Fail(kConcurrentTransactions);
    if (repeated) {
      if (IsEnding(memory.state)) {
        return Fail((memory.state == State::kPrepareCommit) == commit ? kConcurrentTransactions : kInvalidTxnState);
      }
      if (memory.state == State::kCompleteCommit && commit) return {kNone, now_, memory.identity};
      if (memory.state == State::kCompleteAbort && !commit) return {kNone, now_, memory.identity};
      return Fail(kInvalidTxnState);
    }
    if (memory.state == State::kOngoing) return End(id, known, commit, version);
    return Fail(kInvalidTxnState);
  }
  if (const int16_t error = Check(id, producer); error != kNone) {
    return Fail(error == kProducerFenced && version < 2 ? int16_t{kInvalidProducerEpoch} : error);
  }
  if (known.pending) return Fail(kConcurrentTransactions);
  switch (memory.state) {
    case State::kOngoing:
      return End(id, known, commit, version);
    case State::kPrepareCommit:
      return Fail(commit ? kConcurrentTransactions : kInvalidTxnState);
    case State::kPrepareAbort:
      return Fail(commit ? kInvalidTxnState : kConcurrentTransactions);
    case State::kCompleteCommit:
      return Fail(commit ? kNone : kInvalidTxnState);
    case State::kCompleteAbort:
      return Fail(commit ? kInvalidTxnState : kNone);
    default:
      return Fail(kInvalidTxnState);
  }
}

CoordinatorAnswer TransactionStates::End(const std::string& id, Known& known, bool commit, int version) {
  Transaction next = known.memory;
  next.state = commit ? State::kPrepareCommit : State::kPrepareAbort;
  if (version >= 5) {
    ++next.identity.epoch;  // its markers fence everything older
    if (next.identity.epoch > kLastEpoch) next.next = ProducerIdentity{next_producer_id_++, 0};
  }
  CoordinatorAnswer answer = Append(id, known, next);
  if (next.next) answer.identity = *next.next;
  return answer;
}

int16_t TransactionStates::Verify(const std::string& id, const ProducerIdentity& producer,
                                  const PartitionName& partition) const {
  if (const int16_t error = Check(id, producer); error != kNone) {
    return error == kProducerFenced ? int16_t{kInvalidProducerEpoch} : error;
  }
  const Known& known = known_.find(id)->second;
  if (known.pending || IsEnding(known.memory.state)) return kConcurrentTransactions;
  const bool within = known.memory.state == State::kOngoing && known.memory.partitions.contains(partition);
  return within ? kNone : kInvalidTxnState;
}

void TransactionStates::Sweep() {
  const int64_t now_ms = wall_ms_();
  for (auto& [id, known] : known_) {
    const Transaction& memory = known.memory;
    if (memory.state != State::kOngoing || known.pending) continue;
    if (memory.started_ms + memory.timeout_ms < now_ms) Fence(id, known);
  }
}

void TransactionStates::TimeOut(int percent) {
  for (auto& [id, known] : known_) {
    if (known.memory.state != State::kOngoing || known.pending) continue;
    if (rng_.Below(100) < static_cast<uint64_t>(percent)) Fence(id, known);
  }
}

void TransactionStates::MoveCoordinator(const std::function<bool(const std::string&)>& moved) {
  std::erase_if(ids_, [&](const std::string& id) {
    if (!moved(id)) return false;
    Known& known = known_.find(id)->second;
    ++known.turn;
    if (known.pending && rng_.Below(2) == 0) {
      known.durable = *known.pending;
      known.in_log = true;
    }
    known.pending.reset();
    known.markers.clear();
    if (!known.in_log) {
      known_.erase(id);
      return true;
    }
    known.memory = known.durable;
    if (IsEnding(known.memory.state)) {
      known.markers = known.memory.partitions;  // all of them once more
      SendMarkers(id, known);
    }
    return false;
  });
}

void TransactionStates::ExpireIds(int64_t idle_ms) {
  const int64_t before_ms = wall_ms_() - idle_ms;
  std::erase_if(ids_, [&](const std::string& id) {
    const Known& known = known_.find(id)->second;
    if (known.pending || known.memory.state == State::kOngoing || IsEnding(known.memory.state)) return false;
    if (known.memory.updated_ms > before_ms) return false;
    known_.erase(id);
    return true;
  });
}

void TransactionStates::SetEpochs(int16_t epoch) {
  options_.first_epoch = epoch;
  for (auto& [id, known] : known_) {
    const State state = known.memory.state;
    if (known.pending || (state != State::kCompleteCommit && state != State::kCompleteAbort)) continue;
    // An id that many transactions ended under since anybody looked. Its last one is still told by its state.
    if (known.memory.identity.epoch < epoch) known.memory.identity.epoch = known.durable.identity.epoch = epoch;
  }
}

}  // namespace weir::sim
