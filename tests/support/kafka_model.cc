#include "tests/support/kafka_model.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka::testing {

KafkaModel::KafkaModel(std::string cluster_id) : cluster_id_(std::move(cluster_id)) {}

KafkaModel::Topic& KafkaModel::TopicOf(const std::string& name) {
  Topic& topic = topics_[name];
  if (topic.partitions.empty()) {
    topic.id = absl::StrCat("topic-id-", next_topic_id_++, "----");
    topic.id.resize(16, '-');
    topic.partitions.resize(kPartitions);
    topic.log_start.resize(kPartitions, 0);
  }
  return topic;
}

KafkaError KafkaModel::Check(const std::string& tid, const ProducerIdentity& identity) const {
  const auto it = transactions_.find(tid);
  if (it == transactions_.end()) return kInvalidProducerIdMapping;
  if (it->second.identity.producer_id != identity.producer_id) return kInvalidProducerIdMapping;
  if (it->second.identity.epoch != identity.epoch) return kProducerFenced;
  return kNone;
}

void KafkaModel::Bump(Transaction& transaction) {
  if (transaction.identity.producer_id < 0 || transaction.identity.epoch >= 32766) {
    transaction.identity = {next_producer_id_++, 0};
  } else {
    ++transaction.identity.epoch;
  }
}

KafkaError KafkaModel::InitProducerId(const std::string& tid, int64_t timeout_ms, ProducerIdentity* identity) {
  Transaction& transaction = transactions_[tid];
  switch (transaction.state) {
    case State::kOngoing:
      transaction.writer = transaction.identity;
      Bump(transaction);
      transaction.state = State::kPrepareAbort;
      return kConcurrentTransactions;
    case State::kPrepareAbort:
    case State::kPrepareCommit:
      return kConcurrentTransactions;
    default:
      break;
  }
  Bump(transaction);
  transaction.state = State::kEmpty;
  transaction.timeout_ms = timeout_ms;
  *identity = transaction.identity;
  return kNone;
}

void KafkaModel::Begin(Transaction& transaction) {
  if (transaction.state == State::kOngoing) return;
  transaction.state = State::kOngoing;
  transaction.started_ms = now_ms_;
  transaction.partitions.clear();
  transaction.marker.reset();
}

KafkaError KafkaModel::Append(const std::string& tid, const ProducerIdentity& identity, const std::string& topic,
                              const KafkaRecord& record, int64_t* offset) {
  if (const KafkaError error = Check(tid, identity); error != kNone) return error;
  Transaction& transaction = transactions_[tid];
  if (transaction.state == State::kPrepareCommit || transaction.state == State::kPrepareAbort) {
    return kConcurrentTransactions;
  }
  Begin(transaction);
  std::vector<Entry>& log = TopicOf(topic).partitions[static_cast<size_t>(record.partition)];
  Entry entry{identity, record};
  entry.record.offset = *offset = static_cast<int64_t>(log.size());
  log.push_back(std::move(entry));
  transaction.partitions.insert({topic, record.partition});
  return kNone;
}

KafkaError KafkaModel::AddMarker(const std::string& tid, const ProducerIdentity& identity, const std::string& topic,
                                 int32_t partition, const Marker& marker) {
  if (const KafkaError error = Check(tid, identity); error != kNone) return error;
  Transaction& transaction = transactions_[tid];
  if (transaction.state == State::kPrepareCommit || transaction.state == State::kPrepareAbort) {
    return kConcurrentTransactions;
  }
  Begin(transaction);
  transaction.marker = PendingMarker{topic, partition, marker};
  return kNone;
}

KafkaError KafkaModel::EndTxn(const std::string& tid, const ProducerIdentity& identity, bool commit) {
  if (const KafkaError error = Check(tid, identity); error != kNone) return error;
  Transaction& transaction = transactions_[tid];
  switch (transaction.state) {
    case State::kOngoing:
      transaction.writer = transaction.identity;
      transaction.state = commit ? State::kPrepareCommit : State::kPrepareAbort;
      return kNone;
    case State::kPrepareCommit:
      return commit ? kConcurrentTransactions : kInvalidTxnState;
    case State::kCompleteCommit:
      return commit ? kNone : kInvalidTxnState;
    default:
      return kInvalidTxnState;
  }
}

void KafkaModel::Complete(const std::string& tid, Transaction& transaction) {
  const bool commit = transaction.state == State::kPrepareCommit;
  for (const auto& [name, partition] : transaction.partitions) {
    const auto topic = topics_.find(name);
    if (topic == topics_.end()) continue;
    std::vector<Entry>& log = topic->second.partitions[static_cast<size_t>(partition)];
    for (Entry& entry : log) {
      if (entry.identity == transaction.writer && entry.fate == Entry::Fate::kUndecided && !entry.control) {
        entry.fate = commit ? Entry::Fate::kCommitted : Entry::Fate::kAborted;
      }
    }
    Entry control{transaction.writer, {}, Entry::Fate::kCommitted, true};
    control.record.offset = static_cast<int64_t>(log.size());
    log.push_back(std::move(control));
  }
  if (commit && transaction.marker.has_value() && topics_.count(transaction.marker->topic) > 0) {
    PutMarker(tid, transaction.marker->topic, transaction.marker->partition, transaction.marker->marker);
  }
  transaction.marker.reset();
  transaction.partitions.clear();
  transaction.state = commit ? State::kCompleteCommit : State::kCompleteAbort;
}

void KafkaModel::Settle() {
  for (auto& [tid, transaction] : transactions_) {
    if (transaction.state == State::kPrepareCommit || transaction.state == State::kPrepareAbort) {
      Complete(tid, transaction);
    }
  }
}

void KafkaModel::AdvanceMillis(int64_t millis) {
  now_ms_ += millis;
  for (auto& [tid, transaction] : transactions_) {
    if (transaction.state != State::kOngoing || transaction.started_ms + transaction.timeout_ms >= now_ms_) continue;
    transaction.writer = transaction.identity;
    Bump(transaction);
    transaction.state = State::kPrepareAbort;
  }
}

std::optional<TransactionDescription> KafkaModel::Describe(const std::string& tid) const {
  const auto it = transactions_.find(tid);
  if (it == transactions_.end()) return std::nullopt;
  return TransactionDescription{it->second.state, it->second.identity, it->second.timeout_ms, it->second.started_ms};
}

std::vector<ListedTransaction> KafkaModel::ListOngoing(const std::string& prefix) const {
  std::vector<ListedTransaction> found;
  for (const auto& [tid, transaction] : transactions_) {
    if (transaction.state == State::kOngoing && absl::StartsWith(tid, prefix)) {
      found.push_back({tid, transaction.identity.producer_id});
    }
  }
  return found;
}

KafkaError KafkaModel::OffsetFetch(const std::string& group, const std::string& topic, int32_t partition, bool stable,
                                   std::optional<Marker>* marker) const {
  marker->reset();
  const auto transaction = transactions_.find(group);
  if (stable && transaction != transactions_.end() && transaction->second.marker.has_value()) {
    return kUnstableOffsetCommit;
  }
  const auto it = offsets_.find({group, {topic, partition}});
  if (it != offsets_.end()) *marker = it->second;
  return kNone;
}

std::string KafkaModel::TopicId(const std::string& topic) const {
  const auto it = topics_.find(topic);
  return it == topics_.end() ? "" : it->second.id;
}

void KafkaModel::ForgetId(const std::string& tid) { transactions_.erase(tid); }
void KafkaModel::ForgetMarkers() { offsets_.clear(); }

void KafkaModel::PutMarker(const std::string& tid, const std::string& topic, int32_t partition, const Marker& marker) {
  offsets_[{tid, {topic, partition}}] = marker;
}

void KafkaModel::DeleteTopic(const std::string& topic) {
  topics_.erase(topic);
  std::erase_if(offsets_, [&](const auto& item) { return item.first.second.first == topic; });
}

void KafkaModel::MakeTopicAgain(const std::string& topic) {
  DeleteTopic(topic);
  TopicOf(topic);
}

void KafkaModel::DeleteRecordsBefore(const std::string& topic, int32_t partition, int64_t offset) {
  TopicOf(topic).log_start[static_cast<size_t>(partition)] = offset;
}

void KafkaModel::Corrupt(const std::string& topic, int32_t partition, int64_t offset) {
  TopicOf(topic).partitions[static_cast<size_t>(partition)][static_cast<size_t>(offset)].record.value += "?";
}

std::vector<KafkaRecord> KafkaModel::Committed(const std::string& topic, int32_t partition) const {
  std::vector<KafkaRecord> found;
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return found;
  for (const Entry& entry : it->second.partitions[static_cast<size_t>(partition)]) {
    if (entry.fate == Entry::Fate::kUndecided) break;
    if (!entry.control && entry.fate == Entry::Fate::kCommitted) found.push_back(entry.record);
  }
  return found;
}

std::vector<std::string> KafkaModel::Open() const {
  std::vector<std::string> open;
  for (const auto& [tid, transaction] : transactions_) {
    if (transaction.state == State::kOngoing) open.push_back(tid);
  }
  return open;
}

absl::Status KafkaModel::Read(const std::string& topic, const OffsetRun& run, const ProducerIdentity& identity,
                              const std::function<absl::Status(KafkaRecord)>& found) const {
  const auto it = topics_.find(topic);
  if (it == topics_.end()) return absl::NotFoundError(absl::StrCat("no topic ", topic));
  const auto partition = static_cast<size_t>(run.partition);
  const std::vector<Entry>& log = it->second.partitions[partition];
  const int64_t start = std::max(run.first, it->second.log_start[partition]);
  for (int64_t offset = start; offset <= run.last && offset < static_cast<int64_t>(log.size()); ++offset) {
    const Entry& entry = log[static_cast<size_t>(offset)];
    if (!entry.control && entry.identity == identity) RETURN_IF_ERROR(found(entry.record));
  }
  if (start > run.first || run.last >= static_cast<int64_t>(log.size())) {
    return absl::DataLossError(absl::StrCat("the log of ", topic, " partition ", run.partition, " is offsets ",
                                            it->second.log_start[partition], "-", log.size(), " now"));
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager::kafka::testing
