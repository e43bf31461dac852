#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/control/transaction_info.h"
#include "common/runtime/sync.h"
#include "taskmanager/connector/kafka/sink/slot_pool.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "taskmanager/connector/kafka/transaction/producer_port.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// An initialised producer on a transactional id of its own, and what a handle says of where it is.
struct WarmTransaction {
  int slot = 0;
  std::string id;
  std::unique_ptr<Producer> producer;
  KafkaHandle::Mode mode = KafkaHandle::Mode::kRaw;
  std::string cluster_id, topic_id;
  /// For people; written by who writes records.
  std::shared_ptr<std::atomic<int64_t>> records = std::make_shared<std::atomic<int64_t>>(0);
};

/// Makes a subtask's transactions ready before they are needed, and clears away what is done: a
/// fresh instance for each (reference 7.0). Two threads: one logs in and initialises, one destroys.
///
/// Thread:  thread-safe. `wake` is called from its threads.
/// Errors:  of status and Take: what a retry does not cure (login, rights, no such topic, a refused setting); broker
///          trouble is retried for ever and given by Take only when its wait is over.
class TransactionPool {
 public:
  struct Options {
    ProducerFactory make_producer;
    ProducerOptions producer;  // without an id
    TransactionalId id;        // its slot is set here
    int slots = 8;
    int warm = 1;  // so many are kept ready
    const Clock* clock = nullptr;
    std::function<void()> wake;
    std::function<void(const std::string&)> log;
  };
  /// `coordinator` must outlive it.
  TransactionPool(Options options, TransactionCoordinator* coordinator);
  ~TransactionPool();

  void Start();
  bool HasWarm() const;
  absl::Status status() const;
  /// WARM to OPEN, begun. Waits up to `wait_ms` for a warm one: kUnavailable after that, with the last trouble.
  absl::StatusOr<std::unique_ptr<WarmTransaction>> Take(int64_t wait_ms);
  /// What the broker said of the open transaction since its producer was initialised; nothing: not asked yet, or no record
  /// had arrived. Whoever adds a marker afterwards knows that pid and epoch are still these: epochs only grow.
  std::optional<TransactionDescription> DescriptionOf(int slot) const;
  absl::Status Seal(int slot, CheckpointId checkpoint);
  /// OPEN to PREPARED. The instance is destroyed in the background without aborting (raw), or kept for its commit.
  absl::Status Prepare(std::unique_ptr<WarmTransaction> transaction, int64_t deadline_ms);
  /// Mode B: the instance that commits this id. Null: there is none in this process.
  std::unique_ptr<Producer> TakeKept(const std::string& id);
  void Committed(const std::string& id);
  void Retire(std::unique_ptr<Producer> producer);
  control::SinkTransactions Transactions() const;

 private:
  struct Entry {
    std::unique_ptr<WarmTransaction> warm;
    SteadyMicros warmed_at = 0;
    std::unique_ptr<Producer> kept;
    std::shared_ptr<std::atomic<int64_t>> records;
    bool to_describe = false;  // OPEN: the broker was not asked yet
    std::optional<TransactionDescription> description;
    int64_t opened_at_ms = 0;
    int64_t deadline_ms = 0;
    SteadyMicros prepared_at = 0;
  };

  void RunWarmer();
  void RunReaper();
  /// Gives WARM ones back that have waited for long. Under the lock.
  void RenewIdle();
  absl::StatusOr<std::unique_ptr<WarmTransaction>> Warm(int slot);
  /// Asks for an open transaction while nobody waits for the answer, so that its pre-commit need not. False: there is none
  /// to ask for. Under the lock, which is given up meanwhile.
  bool DescribeOpen(std::unique_lock<runtime::Mutex>& lock);
  absl::Status LearnCluster();
  std::string IdOf(int slot) const;
  bool stopping() const;
  SteadyMicros DeadlineIn(int64_t ms) const { return options_.clock->Steady() + ms * 1000; }

  const Options options_;
  TransactionCoordinator* const coordinator_;
  std::optional<KafkaHandle::Mode> mode_;  // the warmer's
  std::string cluster_id_;                 // the warmer's

  mutable runtime::Mutex mutex_;
  runtime::ConditionVariable changed_;
  bool stopping_ = false;
  SlotPool slots_;
  std::vector<Entry> entries_;
  std::deque<std::unique_ptr<Producer>> retired_;
  absl::Status status_, trouble_;
  control::SinkTransactions counts_;
  runtime::Thread warmer_, reaper_;
};

}  // namespace weir::taskmanager::kafka
