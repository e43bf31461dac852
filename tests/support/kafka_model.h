#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka::testing {

/// Kafka's error codes, as far as the model answers them.
enum KafkaError : int {
  kNone = 0,
  kInvalidProducerEpoch = 47,
  kInvalidTxnState = 48,
  kInvalidProducerIdMapping = 49,
  kConcurrentTransactions = 51,
  kUnstableOffsetCommit = 88,
  kProducerFenced = 90,
};

/// A cluster in memory: transaction coordinator, logs, group offsets. Answers as TransactionCoordinator.scala does for
/// clients of transactions V1 (reference 3.1, 3.3, 3.4): PrepareCommit and PrepareAbort last until Settle, as the
/// markers of a real broker are written later.
///
/// Thread: confined.
class KafkaModel : public Clock {
 public:
  using State = TransactionDescription::State;
  static constexpr int kPartitions = 3;

  explicit KafkaModel(std::string cluster_id = "cluster-1");

  // --- what clients ask ---
  KafkaError InitProducerId(const std::string& tid, int64_t timeout_ms, ProducerIdentity* identity);
  /// AddPartitionsToTxn and Produce in one; the record's offset is answered.
  KafkaError Append(const std::string& tid, const ProducerIdentity& identity, const std::string& topic,
                    const KafkaRecord& record, int64_t* offset);
  /// TxnOffsetCommit for group <tid>.
  KafkaError AddMarker(const std::string& tid, const ProducerIdentity& identity, const std::string& topic,
                       int32_t partition, const Marker& marker);
  KafkaError EndTxn(const std::string& tid, const ProducerIdentity& identity, bool commit);
  std::optional<TransactionDescription> Describe(const std::string& tid) const;
  std::vector<ListedTransaction> ListOngoing(const std::string& prefix) const;
  KafkaError OffsetFetch(const std::string& group, const std::string& topic, int32_t partition, bool stable,
                         std::optional<Marker>* marker) const;
  /// Empty: no such topic.
  std::string TopicId(const std::string& topic) const;
  const std::string& cluster_id() const { return cluster_id_; }

  // --- what happens by itself, or to it ---
  /// Markers of decided transactions are written.
  void Settle();
  void AdvanceMillis(int64_t millis);  // transactions time out
  void ForgetId(const std::string& tid);
  void ForgetMarkers();
  void PutMarker(const std::string& tid, const std::string& topic, int32_t partition, const Marker& marker);
  void MakeTopicAgain(const std::string& topic);
  void DeleteTopic(const std::string& topic);
  void DeleteRecordsBefore(const std::string& topic, int32_t partition, int64_t offset);
  /// Damages the value of one record in the log.
  void Corrupt(const std::string& topic, int32_t partition, int64_t offset);

  // --- what can be seen ---
  /// Of a read_committed reader: up to the first record of an undecided transaction.
  std::vector<KafkaRecord> Committed(const std::string& topic, int32_t partition) const;
  /// Ids with a transaction that holds readers back.
  std::vector<std::string> Open() const;
  /// kDataLoss after what there is, when a part is gone.
  absl::Status Read(const std::string& topic, const OffsetRun& run, const ProducerIdentity& identity,
                    const std::function<absl::Status(KafkaRecord)>& found) const;

  SteadyMicros Steady() const override { return now_ms_ * 1000; }
  WallMicros Wall() const override { return now_ms_ * 1000; }
  int64_t now_ms() const { return now_ms_; }

 private:
  struct Entry {
    ProducerIdentity identity;
    KafkaRecord record;
    enum class Fate : uint8_t { kUndecided, kCommitted, kAborted } fate = Fate::kUndecided;
    bool control = false;
  };
  struct Topic {
    std::string id;
    std::vector<std::vector<Entry>> partitions;
    std::vector<int64_t> log_start;
  };
  struct PendingMarker {
    std::string topic;
    int32_t partition = 0;
    Marker marker;
  };
  struct Transaction {
    State state = State::kEmpty;
    ProducerIdentity identity;
    ProducerIdentity writer;  // of the transaction being decided
    int64_t timeout_ms = 0;
    int64_t started_ms = -1;
    std::set<std::pair<std::string, int32_t>> partitions;
    std::optional<PendingMarker> marker;
  };
  using MarkerKey = std::pair<std::string, std::pair<std::string, int32_t>>;  // group, topic, partition

  Topic& TopicOf(const std::string& name);
  KafkaError Check(const std::string& tid, const ProducerIdentity& identity) const;
  void Begin(Transaction& transaction);
  void Bump(Transaction& transaction);
  void Complete(const std::string& tid, Transaction& transaction);

  std::string cluster_id_;
  int64_t now_ms_ = 1'700'000'000'000;
  int64_t next_producer_id_ = 1000;
  int next_topic_id_ = 1;
  std::map<std::string, Topic> topics_;
  std::map<std::string, Transaction> transactions_;
  std::map<MarkerKey, Marker> offsets_;
};

}  // namespace weir::taskmanager::kafka::testing
