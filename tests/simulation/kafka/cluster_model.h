#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "tests/simulation/kafka/partition_log.h"
#include "tests/simulation/kafka/transaction_states.h"

namespace weir::sim {

using taskmanager::kafka::Marker;

/// What a broker answers, when it does, and who must still lead then for the answer to leave it.
struct BrokerAnswer {
  int16_t error = 0;
  SteadyMicros ready_at = 0;
  int leader = -1;            // index into the cluster's leaders; -1: any broker can say it
  uint64_t generation = 0;    // of the leader
  ProducerIdentity identity;  // InitProducerId
  int64_t offset = -1;        // Produce
};

/// A Kafka cluster: brokers, who leads what, logs, transactions, offsets of groups. All that is acknowledged is on all
/// brokers: it survives any of them.
///
/// Thread:  confined. Every request is of the time of the last Advance, to a broker that is up.
/// Source:  reference 3; KafkaApis.scala, GroupMetadataManager, KIP-447, KIP-890.
class ClusterModel {
 public:
  struct Options {
    int brokers = 3;
    std::string cluster_id = "simulated-cluster-00000";
    /// Coordinator partitions of each kind.
    int coordinator_partitions = 4;
    /// How long nobody leads after a broker's death, and how long a new coordinator loads.
    SteadyMicros election_least = 20'000, election_most = 1'500'000;
    SteadyMicros load_least = 1'000, load_most = 400'000;
    /// At true time 0.
    int64_t wall_ms = 1'700'000'000'000;
    TransactionStates::Options transactions;
  };

  ClusterModel(Options options, Rng rng);

  void Advance(SteadyMicros now);
  SteadyMicros now() const { return now_; }
  int64_t wall_ms() const { return options_.wall_ms + now_ / 1000; }

  // ---- Brokers ----
  int brokers() const { return options_.brokers; }
  const std::string& cluster_id() const { return options_.cluster_id; }
  bool Up(int broker) const { return up_[static_cast<size_t>(broker)]; }
  void KillBroker(int broker);
  void StartBroker(int broker);
  /// Coordinators change their broker without anybody's death.
  void MoveCoordinators();
  /// Whether what was asked may still be answered.
  bool StillLeads(const BrokerAnswer& answer) const;

  // ---- Metadata ----
  void CreateTopic(const std::string& topic, int partitions);
  void DeleteTopic(const std::string& topic);
  /// 16 bytes; empty: no such topic.
  std::string TopicId(const std::string& topic) const;
  int Partitions(const std::string& topic) const;
  /// -1: none at the moment.
  int LeaderOf(const std::string& topic, int32_t partition) const;
  int CoordinatorOf(bool group, const std::string& key) const;

  // ---- Requests to a broker ----
  BrokerAnswer InitProducerId(int broker, const std::string& id, int64_t timeout_ms);
  BrokerAnswer AddPartition(int broker, const std::string& id, const ProducerIdentity& producer,
                            const std::string& topic, int32_t partition);
  BrokerAnswer AddOffsets(int broker, const std::string& id, const ProducerIdentity& producer,
                          const std::string& group);
  BrokerAnswer TxnOffsetCommit(int broker, const std::string& id, const ProducerIdentity& producer,
                               const std::string& group, const std::string& topic, int32_t partition,
                               const Marker& marker);
  BrokerAnswer EndTxn(int broker, const std::string& id, const ProducerIdentity& producer, bool commit, int version);
  /// `transaction`: null: without transactions.
  BrokerAnswer Produce(int broker, const std::string* id, const ProducerIdentity& producer, const std::string& topic,
                       int32_t partition, int32_t sequence, const std::vector<KafkaRecord>& records);
  BrokerAnswer Describe(int broker, const std::string& id, std::optional<TransactionStates::Transaction>* found);
  /// Ids of that broker's coordinators in that state.
  BrokerAnswer List(int broker, TransactionStates::State state, std::vector<std::pair<std::string, int64_t>>* found);
  BrokerAnswer OffsetFetch(int broker, const std::string& group, const std::string& topic, int32_t partition,
                           bool stable, std::optional<Marker>* found);
  BrokerAnswer DeleteGroup(int broker, const std::string& group);
  /// Null with an error in the answer.
  const PartitionLog* Fetch(int broker, const std::string& topic, int32_t partition, BrokerAnswer* answer);

  // ---- What the world and the oracle see ----
  TransactionStates& transactions() { return transactions_; }
  /// Null: no such partition.
  PartitionLog* log(const std::string& topic, int32_t partition);
  std::vector<std::string> topics() const;
  /// Of a read_committed reader: up to the last stable offset.
  std::vector<KafkaRecord> Committed(const std::string& topic, int32_t partition);
  /// Groups without a commit for so long lose their offsets (offsets.retention.minutes).
  void ExpireOffsets(int64_t age_ms);
  std::vector<std::string> groups() const;

 private:
  struct Leader {
    int broker = -1;
    uint64_t generation = 0;
    SteadyMicros elected_at = 0, loaded_at = 0;
  };
  struct Topic {
    std::string id;
    std::vector<PartitionLog> partitions;
    std::vector<int> leaders;
  };
  struct Offset {
    Marker marker;
    int64_t committed_ms = 0;
  };
  using OffsetKey = std::pair<std::string, PartitionName>;  // group, partition

  SteadyMicros Draw(SteadyMicros least, SteadyMicros most);
  int NewLeader();
  void Elect(Leader* leader, bool by_death);
  int TransactionLeader(const std::string& id) const;
  int GroupLeader(const std::string& group) const;
  /// Whether `broker` may answer for that leader; its error if not.
  BrokerAnswer Ask(int broker, int leader, bool coordinator) const;
  BrokerAnswer Merge(BrokerAnswer answer, const CoordinatorAnswer& coordinator) const;
  bool WriteMarker(const PartitionName& partition, const ProducerIdentity& producer, bool commit);

  Options options_;
  Rng rng_;
  SteadyMicros now_ = 0;
  std::vector<bool> up_;
  std::vector<Leader> leaders_;  // transaction coordinators, group coordinators, partitions of topics
  std::map<std::string, Topic> topics_;
  int topic_ids_ = 0;
  std::map<OffsetKey, Offset> offsets_;
  std::map<int64_t, std::map<OffsetKey, Marker>> pending_offsets_;  // by producer id
  std::vector<PartitionLog> offset_logs_;                           // of __consumer_offsets: epochs only
  TransactionStates transactions_;
};

inline constexpr char kOffsetsTopic[] = "__consumer_offsets";

}  // namespace weir::sim
