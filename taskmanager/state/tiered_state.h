#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/checkpoint/delta.h"
#include "taskmanager/state/keyed_state.h"
#include "taskmanager/state/ordered_store.h"
#include "taskmanager/state/snapshot_chain.h"
#include "taskmanager/state/tiered_table.h"

namespace weir::taskmanager {

/// Keyed state in memory, with an ordered store for what does not fit. Both backends are this
/// class: `memory` is the one without a store.
///
/// Thread:  the task's thread; what it freezes goes through SnapshotChain to the writers.
/// Source:  README.md of this folder.
class TieredState final : public KeyedState {
 public:
  /// `stores` null: everything stays in memory. `restored` is the chain to go on with.
  TieredState(KeyedStateOptions options, std::shared_ptr<checkpoint::Storage> storage,
              std::unique_ptr<OrderedStoreFactory> stores, checkpoint::KeyedSnapshot restored);
  ~TieredState() override;

  absl::StatusOr<KeyedTable*> OpenTable(const TableSpec& spec) override;
  absl::StatusOr<std::unique_ptr<KeyedSnapshotWriter>> Freeze(CheckpointId checkpoint) override;
  void OnCheckpointComplete(CheckpointId) override {}
  void OnCheckpointAborted(CheckpointId) override {}
  int64_t memory_bytes() const override;

 private:
  friend class TieredNamespace;
  friend class TieredTable;
  friend class StateRestorer;
  friend absl::StatusOr<std::unique_ptr<KeyedState>> RestoreKeyedState(
      KeyedStateOptions, std::shared_ptr<checkpoint::Storage>, std::unique_ptr<OrderedStoreFactory>,
      std::vector<checkpoint::KeyedSnapshot>);

  // How far the dump for the next base has come. Entries behind it may change: the deltas after
  // `covers` say how.
  struct Dump {
    CheckpointId covers;
    std::string table;
    NamespaceId ns = 0;
    uint32_t slot = 0;
    bool begun = false;     // `table` and `ns` are set
    bool complete = false;  // all is dumped: the next barrier ends the base
    int64_t credit = 0;     // bytes that batches since the last slice were worth
    checkpoint::DeltaBuilder slice;  // what was dumped since the last barrier
  };

  bool OverBudget() const { return stores_ != nullptr && table_bytes_ > spill_at_; }
  uint64_t NextUse() { return ++uses_; }
  void OnDrop(const std::string& table, TieredNamespace& entries);
  /// The dump begins this namespace again, if it is in it.
  void OnSlotsMoved(const std::string& table, NamespaceId ns);

  /// Writes what changed since the last cut, and what was dropped, into `out`; nothing is dirty
  /// then.
  void CutDirty(checkpoint::DeltaBuilder* out);
  void CutNamespace(TieredNamespace& entries, checkpoint::DeltaBuilder* out);
  bool NeedsBase() const;
  /// Serialises the next slice of about `slice_bytes`; true when the dump is complete.
  bool DumpSlice(Dump* dump, size_t slice_bytes, checkpoint::DeltaBuilder* out);
  /// Goes on with the dump, as far as befits a batch of so many rows: what barriers need not do.
  void DumpBetweenBarriers(int64_t rows);

  /// Evicts entries into the store until memory is well below the budget.
  absl::Status Spill();
  absl::Status OpenStore();
  /// Evicts about `bytes` of a namespace that has entries.
  absl::Status Evict(TieredNamespace& entries, bool clean_and_cold_only, int64_t bytes);
  /// Writes entries to the store, and frees their rows.
  absl::Status MoveToStore(TieredNamespace& entries, std::vector<uint32_t>* slots);
  absl::Status ApplyDrops();
  absl::Status WriteLayout(const TableSpec& spec);

  const KeyedStateOptions options_;
  const std::shared_ptr<checkpoint::Storage> storage_;
  const std::unique_ptr<OrderedStoreFactory> stores_;
  std::shared_ptr<OrderedStore> store_;  // null until something was evicted or restored cold
  const std::shared_ptr<SnapshotChain> chain_;
  int64_t table_bytes_ = 0;  // outlives tables_
  std::map<std::string, std::unique_ptr<TieredTable>> tables_;
  std::map<std::string, bool> layouts_written_;
  int64_t spill_at_;
  uint64_t uses_ = 0;
  std::vector<uint32_t> removed_;  // slots, of the namespace that is being cut or dumped

  checkpoint::DeltaBuilder next_;  // the delta in the making: parts cut early
  size_t last_delta_bytes_ = 0;
  std::vector<std::pair<std::string, NamespaceId>> dropped_;  // since the last cut
  std::vector<std::pair<std::string, NamespaceId>>
      cold_drops_;  // still to be removed from the store
  std::optional<Dump> dump_;
  bool base_wanted_ = false;  // whatever the deltas: the chain cannot be gone on with
};

}  // namespace weir::taskmanager
