#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/checkpoint/delta.h"
#include "taskmanager/state/cold_batch.h"
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
  bool CopyFrozen(int64_t entries) override;
  void OnCheckpointComplete(CheckpointId) override {}
  void OnCheckpointAborted(CheckpointId) override {}
  int64_t memory_bytes() const override;

 private:
  friend class TieredNamespace;
  friend class TieredTable;
  friend class StateRestorer;
  friend class DeltaReplayer;
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

  /// Whether there is no room for `more` bytes.
  bool OverBudget(int64_t more) const { return table_bytes_ + DeltaBytes() + chain_->SpareBytes() + more > spill_at_; }
  /// Of what is to be written: queued, begun, and what the changed entries will take.
  int64_t DeltaBytes() const;
  uint64_t NextUse() { return ++uses_; }
  void OnDrop(const std::string& table, TieredNamespace& entries);
  /// The dump begins this namespace again, if it is in it.
  void OnSlotsMoved(const std::string& table, NamespaceId ns);

  // tiered_state_cut.cc
  /// Freezes what changed since the last cut, and returns how many entries; what was dropped goes into `next_`. Nothing is
  /// dirty then.
  int64_t BeginCut();
  /// Copies about so many frozen entries into `next_`, and that into the chain whenever it is a part's size; whether that
  /// was all.
  bool CopyOn(int64_t entries);
  /// The same of one namespace; takes what was copied off `*entries`.
  bool CopyFrom(TieredNamespace& entries, int64_t* most);
  /// All that is left of it: its slots are about to move, or it goes.
  void CopyAllOf(TieredNamespace& entries);
  /// Those that a lookup has taken out of the frozen ones.
  void CopyTouched(TieredNamespace& entries);
  void CopyEntry(TieredNamespace& entries, uint32_t slot);
  void CopyRemovals(const TieredNamespace& entries, const std::vector<uint32_t>& slots);
  /// Copies `removed_`, and frees the rows that need not stay.
  void CopyRemoved(TieredNamespace& entries);
  void CloseBlock();
  static void AddEntry(const TieredNamespace& entries, uint32_t slot, checkpoint::DeltaBuilder* out);
  static void AddRemovals(const TieredNamespace& entries, const std::vector<uint32_t>& slots, checkpoint::DeltaBuilder* out);
  /// Copies all that is left, of the last barrier.
  void FinishCopy();
  void FinishDelta();
  /// A cut while the interval runs: a part of the next delta.
  void CutDirty();
  void ReservePart();
  void AddPart();
  bool NeedsBase() const;
  /// Serialises the next slice of about `slice_bytes`; true when the dump is complete.
  bool DumpSlice(Dump* dump, size_t slice_bytes, checkpoint::DeltaBuilder* out);
  void AddBasePart(CheckpointId checkpoint);
  /// Goes on with the dump, as far as befits a batch of so many rows: what barriers need not do.
  void DumpBetweenBarriers(int64_t rows);

  /// Brings memory well below the budget less `more`: what is to be written goes to the storage, entries into the store.
  absl::Status Spill(int64_t more);
  absl::Status WriteDeltasAhead();
  absl::Status EvictTo(int64_t target);
  absl::Status OpenStore();
  /// Evicts about `bytes` of a namespace that has entries.
  absl::Status Evict(TieredNamespace& entries, bool clean_and_cold_only, int64_t bytes);
  // Rows that are to be freed, with what the store has to be told of them.
  struct Leaving {
    std::vector<uint32_t> slots;
    std::vector<uint64_t> hashes;
    ColdBatch batch;
  };
  static void AddLeaving(TieredNamespace& entries, uint32_t slot, Leaving* leaving);
  /// Writes what has changed since the store had it, and frees the rows.
  absl::Status MoveToStore(TieredNamespace& entries, Leaving* leaving);
  /// Bytes that a namespace's filter may take.
  size_t FilterRoom(const TieredNamespace& entries) const;
  absl::Status ApplyDrops();
  absl::Status WriteLayout(const TableSpec& spec);

  const KeyedStateOptions options_;
  const std::shared_ptr<checkpoint::Storage> storage_;
  const std::unique_ptr<OrderedStoreFactory> stores_;
  std::shared_ptr<OrderedStore> store_;  // null until something was evicted or restored cold
  const std::shared_ptr<SnapshotChain> chain_;
  int64_t table_bytes_ = 0;  // these three outlive tables_
  int64_t dirty_bytes_ = 0;
  int64_t filter_bytes_ = 0;  // of table_bytes_
  std::map<std::string, std::unique_ptr<TieredTable>> tables_;
  std::map<std::string, bool> layouts_written_;
  int64_t spill_at_;
  uint64_t uses_ = 0;
  ColdBatch asked_;  // of the store, by the call that is at work
  std::vector<uint32_t> removed_;  // slots, of the namespace that is being cut or dumped

  static constexpr int64_t kAllEntries = INT64_MAX;
  std::optional<CheckpointId> copying_for_;  // the last barrier, while its changes are being copied
  bool copying_ = false;                     // frozen entries may be left
  std::string copying_table_;                // where CopyOn goes on
  NamespaceId copying_ns_ = 0;
  TieredNamespace* open_ = nullptr;  // whose entries' block is open in `next_`
  checkpoint::DeltaBuilder next_;  // the last part of the delta in the making
  size_t cut_bytes_ = 0;           // of the parts before it
  size_t last_delta_bytes_ = 0;
  CheckpointId frozen_{0};  // the last barrier
  std::vector<std::pair<std::string, NamespaceId>> dropped_;  // since the last cut
  std::vector<std::pair<std::string, NamespaceId>>
      cold_drops_;  // still to be removed from the store
  std::optional<Dump> dump_;
  bool base_wanted_ = false;  // whatever the deltas: the chain cannot be gone on with
};

}  // namespace weir::taskmanager
