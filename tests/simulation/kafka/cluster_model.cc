#include "tests/simulation/kafka/cluster_model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::sim {
namespace {

using namespace taskmanager::kafka::protocol;

constexpr int16_t kNotEnoughReplicas = 19;
/// The same on every machine, which std::hash need not be.
uint64_t HashOf(const std::string& text) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
  return hash ^ (hash >> 32);
}

}  // namespace

ClusterModel::ClusterModel(Options options, Rng rng)
    : options_(std::move(options)),
      rng_(rng),
      up_(static_cast<size_t>(options_.brokers), true),
      leaders_(static_cast<size_t>(2 * options_.coordinator_partitions)),
      offset_logs_(static_cast<size_t>(options_.coordinator_partitions)),
      transactions_(
          options_.transactions, Rng(rng_.Next()),
          [this](const PartitionName& partition, const ProducerIdentity& producer, bool commit) {
            return WriteMarker(partition, producer, commit);
          },
          [this] { return wall_ms(); }) {
  for (Leader& leader : leaders_) leader.broker = NewLeader();
}

SteadyMicros ClusterModel::Draw(SteadyMicros least, SteadyMicros most) {
  return least + static_cast<SteadyMicros>(rng_.Below(static_cast<uint64_t>(most - least) + 1));
}

void ClusterModel::Advance(SteadyMicros now) {
  // Step by step: markers are written at the time that they are due.
  while (transactions_.NextAt() <= now) {
    now_ = std::max(now_, transactions_.NextAt());
    transactions_.Advance(now_);
  }
  now_ = std::max(now_, now);
  transactions_.Advance(now_);
}

int ClusterModel::NewLeader() {
  std::vector<int> alive;
  for (int broker = 0; broker < options_.brokers; ++broker) {
    if (Up(broker)) alive.push_back(broker);
  }
  return alive.empty() ? -1 : alive[rng_.Below(alive.size())];
}

void ClusterModel::Elect(Leader* leader, bool by_death) {
  leader->broker = NewLeader();
  ++leader->generation;
  leader->elected_at = now_ + (by_death ? Draw(options_.election_least, options_.election_most) : 0);
  leader->loaded_at = leader->elected_at + Draw(options_.load_least, options_.load_most);
}

void ClusterModel::KillBroker(int broker) {
  if (!Up(broker)) return;
  up_[static_cast<size_t>(broker)] = false;
  std::vector<bool> moved(leaders_.size());
  for (size_t i = 0; i < leaders_.size(); ++i) {
    if (leaders_[i].broker != broker) continue;
    Elect(&leaders_[i], true);
    moved[i] = true;
  }
  transactions_.MoveCoordinator(
      [&](const std::string& id) { return bool{moved[static_cast<size_t>(TransactionLeader(id))]}; });
}

void ClusterModel::StartBroker(int broker) {
  if (Up(broker)) return;
  up_[static_cast<size_t>(broker)] = true;
  for (Leader& leader : leaders_) {
    if (leader.broker < 0) Elect(&leader, true);
  }
}

void ClusterModel::MoveCoordinators() {
  std::vector<bool> moved(leaders_.size());
  for (size_t i = 0; i < static_cast<size_t>(2 * options_.coordinator_partitions); ++i) {
    if (rng_.Below(3) == 0) continue;
    Elect(&leaders_[i], false);
    moved[i] = true;
  }
  transactions_.MoveCoordinator(
      [&](const std::string& id) { return bool{moved[static_cast<size_t>(TransactionLeader(id))]}; });
}

bool ClusterModel::StillLeads(const BrokerAnswer& answer) const {
  return answer.leader < 0 || leaders_[static_cast<size_t>(answer.leader)].generation == answer.generation;
}

void ClusterModel::CreateTopic(const std::string& name, int partitions) {
  Topic topic;
  topic.id = absl::StrCat("simulated-", 100'000 + ++topic_ids_);  // 16 bytes
  topic.partitions.resize(static_cast<size_t>(partitions));
  for (int i = 0; i < partitions; ++i) {
    topic.leaders.push_back(static_cast<int>(leaders_.size()));
    leaders_.emplace_back();
    leaders_.back().broker = NewLeader();
  }
  topics_[name] = std::move(topic);
}

void ClusterModel::DeleteTopic(const std::string& name) {
  topics_.erase(name);
  std::erase_if(offsets_, [&](const auto& item) { return item.first.second.first == name; });
}

std::string ClusterModel::TopicId(const std::string& topic) const {
  const auto at = topics_.find(topic);
  return at == topics_.end() ? "" : at->second.id;
}

int ClusterModel::Partitions(const std::string& topic) const {
  const auto at = topics_.find(topic);
  return at == topics_.end() ? 0 : static_cast<int>(at->second.partitions.size());
}

int ClusterModel::LeaderOf(const std::string& topic, int32_t partition) const {
  const auto at = topics_.find(topic);
  if (at == topics_.end() || partition < 0 || partition >= Partitions(topic)) return -1;
  const Leader& leader = leaders_[static_cast<size_t>(at->second.leaders[static_cast<size_t>(partition)])];
  return now_ < leader.elected_at ? -1 : leader.broker;
}

int ClusterModel::TransactionLeader(const std::string& id) const {
  return static_cast<int>(HashOf(id) % static_cast<uint64_t>(options_.coordinator_partitions));
}

int ClusterModel::GroupLeader(const std::string& group) const {
  return options_.coordinator_partitions + TransactionLeader(group);
}

int ClusterModel::CoordinatorOf(bool group, const std::string& key) const {
  const Leader& leader = leaders_[static_cast<size_t>(group ? GroupLeader(key) : TransactionLeader(key))];
  return now_ < leader.elected_at ? -1 : leader.broker;
}

BrokerAnswer ClusterModel::Ask(int broker, int leader, bool coordinator) const {
  const Leader& led = leaders_[static_cast<size_t>(leader)];
  BrokerAnswer answer;
  answer.ready_at = now_;
  answer.leader = leader;
  answer.generation = led.generation;
  if (led.broker != broker || now_ < led.elected_at) {
    answer.error = coordinator ? kNotCoordinator : kNotLeaderOrFollower;
  } else if (coordinator && now_ < led.loaded_at) {
    answer.error = kCoordinatorLoadInProgress;
  }
  return answer;
}

BrokerAnswer ClusterModel::Merge(BrokerAnswer answer, const CoordinatorAnswer& coordinator) const {
  answer.error = coordinator.error;
  answer.ready_at = coordinator.ready_at;
  answer.identity = coordinator.identity;
  return answer;
}

BrokerAnswer ClusterModel::InitProducerId(int broker, const std::string& id, int64_t timeout_ms) {
  const BrokerAnswer answer = Ask(broker, TransactionLeader(id), true);
  return answer.error != kNone ? answer : Merge(answer, transactions_.InitProducerId(id, timeout_ms));
}

BrokerAnswer ClusterModel::AddPartition(int broker, const std::string& id, const ProducerIdentity& producer,
                                        const std::string& topic, int32_t partition) {
  BrokerAnswer answer = Ask(broker, TransactionLeader(id), true);
  if (answer.error != kNone) return answer;
  if (partition >= Partitions(topic)) {
    answer.error = kUnknownTopicOrPartition;
    return answer;
  }
  return Merge(answer, transactions_.AddPartition(id, producer, {topic, partition}));
}

BrokerAnswer ClusterModel::AddOffsets(int broker, const std::string& id, const ProducerIdentity& producer,
                                      const std::string& group) {
  const BrokerAnswer answer = Ask(broker, TransactionLeader(id), true);
  if (answer.error != kNone) return answer;
  return Merge(answer, transactions_.AddPartition(id, producer, {kOffsetsTopic, TransactionLeader(group)}));
}

BrokerAnswer ClusterModel::TxnOffsetCommit(int broker, const std::string& id, const ProducerIdentity& producer,
                                           const std::string& group, const std::string& topic, int32_t partition,
                                           const Marker& marker) {
  BrokerAnswer answer = Ask(broker, GroupLeader(group), true);
  if (answer.error != kNone) return answer;
  if (partition >= Partitions(topic)) {
    answer.error = kUnknownTopicOrPartition;
    return answer;
  }
  const int32_t index = TransactionLeader(group);
  answer.error = transactions_.Verify(id, producer, {kOffsetsTopic, index});
  if (answer.error == kConcurrentTransactions) answer.error = kCoordinatorLoadInProgress;
  if (answer.error != kNone) return answer;
  PartitionLog& log = offset_logs_[static_cast<size_t>(index)];
  int64_t ignored = 0;
  // Epochs are compared as in every partition; offsets have no sequence of their own.
  const int16_t fenced = log.Append(producer, 0, true, {KafkaRecord{}}, &ignored);
  if (fenced == kInvalidProducerEpoch) {
    answer.error = fenced;
    return answer;
  }
  pending_offsets_[producer.producer_id][{group, {topic, partition}}] = marker;
  answer.ready_at = now_ + Draw(options_.transactions.append_least, options_.transactions.append_most);
  return answer;
}

BrokerAnswer ClusterModel::EndTxn(int broker, const std::string& id, const ProducerIdentity& producer, bool commit,
                                  int version) {
  const BrokerAnswer answer = Ask(broker, TransactionLeader(id), true);
  return answer.error != kNone ? answer : Merge(answer, transactions_.EndTxn(id, producer, commit, version));
}

BrokerAnswer ClusterModel::Produce(int broker, const std::string* id, const ProducerIdentity& producer,
                                   const std::string& topic, int32_t partition, int32_t sequence,
                                   const std::vector<KafkaRecord>& records) {
  BrokerAnswer answer;
  answer.ready_at = now_;
  PartitionLog* const found = log(topic, partition);
  if (found == nullptr) {
    answer.error = kUnknownTopicOrPartition;
    return answer;
  }
  answer = Ask(broker, topics_.find(topic)->second.leaders[static_cast<size_t>(partition)], false);
  if (answer.error != kNone) return answer;
  if (id != nullptr && !found->InTransaction(producer)) {
    const int coordinator = CoordinatorOf(false, *id);
    const Leader& leader = leaders_[static_cast<size_t>(TransactionLeader(*id))];
    answer.error = coordinator < 0 || !Up(coordinator) || now_ < leader.loaded_at
                       ? kNotEnoughReplicas
                       : transactions_.Verify(*id, producer, {topic, partition});
    if (answer.error == kConcurrentTransactions) answer.error = kNotEnoughReplicas;
    if (answer.error != kNone) return answer;
  }
  answer.error = found->Append(producer, sequence, id != nullptr, records, &answer.offset);
  answer.ready_at = now_ + Draw(options_.transactions.append_least, options_.transactions.append_most);
  return answer;
}

BrokerAnswer ClusterModel::Describe(int broker, const std::string& id,
                                    std::optional<TransactionStates::Transaction>* found) {
  BrokerAnswer answer = Ask(broker, TransactionLeader(id), true);
  if (answer.error != kNone) return answer;
  const TransactionStates::Transaction* const known = transactions_.Find(id);
  if (known == nullptr) {
    answer.error = kTransactionalIdNotFound;
  } else {
    *found = *known;
  }
  return answer;
}

BrokerAnswer ClusterModel::List(int broker, TransactionStates::State state,
                                std::vector<std::pair<std::string, int64_t>>* found) {
  BrokerAnswer answer;
  answer.ready_at = now_;
  for (int i = 0; i < options_.coordinator_partitions; ++i) {
    const Leader& leader = leaders_[static_cast<size_t>(i)];
    if (leader.broker == broker && now_ < leader.loaded_at) answer.error = kCoordinatorLoadInProgress;
  }
  if (answer.error != kNone) return answer;
  for (const std::string& id : transactions_.ids()) {
    const TransactionStates::Transaction* const known = transactions_.Find(id);
    if (known->state != state || leaders_[static_cast<size_t>(TransactionLeader(id))].broker != broker) continue;
    found->emplace_back(id, known->identity.producer_id);
  }
  return answer;
}

BrokerAnswer ClusterModel::OffsetFetch(int broker, const std::string& group, const std::string& topic,
                                       int32_t partition, bool stable, std::optional<Marker>* found) {
  BrokerAnswer answer = Ask(broker, GroupLeader(group), true);
  if (answer.error != kNone) return answer;
  const OffsetKey key{group, {topic, partition}};
  if (stable) {
    for (const auto& [producer, pending] : pending_offsets_) {
      if (pending.contains(key)) answer.error = kUnstableOffsetCommit;
    }
    if (answer.error != kNone) return answer;
  }
  if (const auto at = offsets_.find(key); at != offsets_.end()) *found = at->second.marker;
  return answer;
}

BrokerAnswer ClusterModel::DeleteGroup(int broker, const std::string& group) {
  BrokerAnswer answer = Ask(broker, GroupLeader(group), true);
  if (answer.error != kNone) return answer;
  const size_t deleted = std::erase_if(offsets_, [&](const auto& item) { return item.first.first == group; });
  if (deleted == 0) answer.error = kGroupIdNotFound;
  return answer;
}

const PartitionLog* ClusterModel::Fetch(int broker, const std::string& topic, int32_t partition, BrokerAnswer* answer) {
  PartitionLog* const found = log(topic, partition);
  answer->ready_at = now_;
  if (found == nullptr) {
    answer->error = kUnknownTopicOrPartition;
    return nullptr;
  }
  *answer = Ask(broker, topics_.find(topic)->second.leaders[static_cast<size_t>(partition)], false);
  return answer->error == kNone ? found : nullptr;
}

bool ClusterModel::WriteMarker(const PartitionName& name, const ProducerIdentity& producer, bool commit) {
  if (name.first != kOffsetsTopic) {
    PartitionLog* const found = log(name.first, name.second);
    if (found == nullptr) return true;  // the topic is gone
    if (LeaderOf(name.first, name.second) < 0) return false;
    found->EndTransaction(producer, commit);
    return true;
  }
  const Leader& leader = leaders_[static_cast<size_t>(options_.coordinator_partitions + name.second)];
  if (leader.broker < 0 || now_ < leader.loaded_at) return false;
  offset_logs_[static_cast<size_t>(name.second)].EndTransaction(producer, commit);
  const auto pending = pending_offsets_.find(producer.producer_id);
  if (pending == pending_offsets_.end()) return true;
  std::erase_if(pending->second, [&](const auto& item) {
    const auto& [key, marker] = item;
    if (TransactionLeader(key.first) != name.second) return false;
    if (commit && topics_.contains(key.second.first)) offsets_[key] = {marker, wall_ms()};
    return true;
  });
  if (pending->second.empty()) pending_offsets_.erase(pending);
  return true;
}

PartitionLog* ClusterModel::log(const std::string& topic, int32_t partition) {
  const auto at = topics_.find(topic);
  if (at == topics_.end() || partition < 0 || partition >= Partitions(topic)) return nullptr;
  return &at->second.partitions[static_cast<size_t>(partition)];
}

std::vector<std::string> ClusterModel::topics() const {
  std::vector<std::string> names;
  for (const auto& [name, topic] : topics_) names.push_back(name);
  return names;
}

std::vector<KafkaRecord> ClusterModel::Committed(const std::string& topic, int32_t partition) {
  std::vector<KafkaRecord> records;
  const PartitionLog* const found = log(topic, partition);
  if (found == nullptr) return records;
  const int64_t stable = found->last_stable();
  for (int64_t offset = found->start(); offset < stable; ++offset) {
    const PartitionLog::Entry& entry = found->at(offset);
    if (!entry.control && entry.fate == PartitionLog::Fate::kCommitted) records.push_back(entry.record);
  }
  return records;
}

void ClusterModel::ExpireOffsets(int64_t age_ms) {
  std::erase_if(offsets_, [&](const auto& item) { return item.second.committed_ms <= wall_ms() - age_ms; });
}

std::vector<std::string> ClusterModel::groups() const {
  std::vector<std::string> names;
  for (const auto& [key, offset] : offsets_) {
    if (names.empty() || names.back() != key.first) names.push_back(key.first);
  }
  return names;
}

}  // namespace weir::sim
