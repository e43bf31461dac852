#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/rng.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::sim {

using taskmanager::kafka::ProducerIdentity;
/// Topic and number; `__consumer_offsets` too.
using PartitionName = std::pair<std::string, int32_t>;

/// What a coordinator answers, and when: a change is answered when its log has it.
struct CoordinatorAnswer {
  int16_t error = 0;
  SteadyMicros ready_at = 0;
  ProducerIdentity identity;
};

/// The transaction coordinators of a cluster: every transactional id's state, what of it is in the transaction log
/// already, and the markers that are on their way.
///
/// Thread:  confined.
/// Time:    true virtual time; nothing happens but in Advance, which does what was due in order.
/// Source:  reference 3; TransactionCoordinator.scala, TransactionMetadata, TransactionStateManager.
class TransactionStates {
 public:
  using State = taskmanager::kafka::TransactionDescription::State;
  struct Options {
    /// Of the finalized feature: 2 raises the epoch at each end that is not a client's of V1.
    int transaction_version = 2;
    int64_t max_timeout_ms = 900'000;
    SteadyMicros sweep_interval = 10'000'000;
    /// How long a change takes to be in the log, and a marker to be written: [least, most].
    SteadyMicros append_least = 200, append_most = 3'000;
    SteadyMicros marker_least = 300, marker_most = 10'000;
    int16_t first_epoch = 0;
    /// False: a known bug (bugs/known_bugs.h); an id that is initialised again keeps its epoch.
    bool raises_epochs = true;
  };
  struct Transaction {
    State state = State::kEmpty;
    ProducerIdentity identity;
    std::optional<ProducerIdentity> next;  // after its end, when the epochs of this id are used up
    int64_t timeout_ms = 0;
    int64_t started_ms = -1;
    int64_t updated_ms = 0;
    std::set<PartitionName> partitions;
  };
  /// Writes the end of a transaction into a partition. False: its leader is not there, later again.
  using WriteMarker =
      std::function<bool(const PartitionName& partition, const ProducerIdentity& producer, bool commit)>;
  using WallMillis = std::function<int64_t()>;

  TransactionStates(Options options, Rng rng, WriteMarker write_marker, WallMillis wall_ms);

  void Advance(SteadyMicros now);
  /// When there is something to do. kNever: nothing.
  static constexpr SteadyMicros kNever = INT64_MAX;
  SteadyMicros NextAt() const { return due_.empty() ? kNever : due_.top().at; }

  // ---- Requests; of the time of the last Advance ----
  CoordinatorAnswer InitProducerId(const std::string& id, int64_t timeout_ms);
  CoordinatorAnswer AddPartition(const std::string& id, const ProducerIdentity& producer,
                                 const PartitionName& partition);
  /// `version`: of EndTxn; 5 is transactions V2.
  CoordinatorAnswer EndTxn(const std::string& id, const ProducerIdentity& producer, bool commit, int version);
  /// Whether a partition's leader may take records of it (KIP-890, part 1).
  int16_t Verify(const std::string& id, const ProducerIdentity& producer, const PartitionName& partition) const;
  /// Null: not known.
  const Transaction* Find(const std::string& id) const;
  const std::vector<std::string>& ids() const { return ids_; }

  // ---- What happens to it ----
  /// Another broker has taken over the coordinator of these ids: what was not in the log yet is lost or not.
  void MoveCoordinator(const std::function<bool(const std::string&)>& moved);
  /// Forgets ids that nothing was done with for so long (transactional.id.expiration.ms).
  void ExpireIds(int64_t idle_ms);
  /// From now on new ids begin with this epoch, and idle ones have it.
  void SetEpochs(int16_t epoch);
  /// The time of so many percent of the open transactions is over, as if nobody had come for long.
  void TimeOut(int percent);
  /// Transactions that have ended stay unfinished for so much longer.
  void SetMarkerDelay(SteadyMicros more) { marker_delay_ = more; }
  Options& options() { return options_; }

 private:
  struct Known {
    Transaction memory;   // what the coordinator believes
    Transaction durable;  // what the log has
    std::optional<Transaction> pending;
    std::set<PartitionName> markers;  // still to be written
    uint64_t turn = 0;                // what was due for an earlier one is void
    bool in_log = false;
  };
  struct Due {
    SteadyMicros at = 0;
    uint64_t order = 0;
    std::string id;  // empty: the sweep
    uint64_t turn = 0;
    std::optional<PartitionName> marker;  // else what is pending is in the log
    bool operator<(const Due& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  int16_t Check(const std::string& id, const ProducerIdentity& producer) const;
  CoordinatorAnswer Fail(int16_t error) const { return {error, now_, {}}; }
  CoordinatorAnswer Append(const std::string& id, Known& known, Transaction next);
  void Fence(const std::string& id, Known& known);
  CoordinatorAnswer End(const std::string& id, Known& known, bool commit, int version);
  void Appended(const std::string& id, Known& known);
  void SendMarkers(const std::string& id, Known& known);
  void Sweep();
  void Push(SteadyMicros at, std::string id, uint64_t turn, std::optional<PartitionName> marker);
  SteadyMicros Draw(SteadyMicros least, SteadyMicros most);
  ProducerIdentity Next(const Transaction& transaction);

  Options options_;
  Rng rng_;
  const WriteMarker write_marker_;
  const WallMillis wall_ms_;
  SteadyMicros now_ = 0, marker_delay_ = 0;
  uint64_t order_ = 0;
  int64_t next_producer_id_ = 1000;
  std::map<std::string, Known> known_;
  std::vector<std::string> ids_;  // sorted
  std::priority_queue<Due> due_;
};

std::string_view NameOf(TransactionStates::State state);

}  // namespace weir::sim
