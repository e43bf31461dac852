#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "taskmanager/state/cold_key.h"
#include "taskmanager/state/entry_table.h"
#include "taskmanager/state/key_filter.h"
#include "taskmanager/state/keyed_state.h"
#include "taskmanager/state/ordered_store.h"

namespace weir::taskmanager {

class TieredState;
class TieredTable;

/// A namespace's entries: those in memory, over those in the store. An entry in memory is the
/// newest there is. Thread: the task's thread.
class TieredNamespace final : public NamespaceTable {
 public:
  TieredNamespace(TieredState* state, const TableSpec* spec, NamespaceId ns);
  ~TieredNamespace() override;

  absl::Status FindOrInsert(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys,
                            const uint32_t* rows, int64_t count, uint32_t* slots,
                            uint8_t* inserted) override;
  absl::Status Find(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys,
                    const uint32_t* rows, int64_t count, uint32_t* slots) override;
  void MarkChanged(const uint32_t* slots, int64_t count) override;
  void Remove(const uint32_t* slots, int64_t count) override;
  std::byte* value(uint32_t slot) override { return entries_.value(slot); }
  void Values(const uint32_t* slots, int64_t count, std::byte** values) override {
    for (int64_t i = 0; i < count; ++i) values[i] = entries_.value(slots[i]);
  }
  std::string_view text(uint32_t slot) const override { return entries_.text(slot); }
  void set_text(uint32_t slot, std::string_view text) override;
  int64_t size() const override { return entries_.size(); }
  absl::Status Scan(uint64_t* cursor, int64_t limit, Page* page) override;

 private:
  friend class TieredState;
  friend class TieredTable;
  friend class StateRestorer;
  friend class DeltaReplayer;

  // Where a scan stands that has come to the store.
  struct ColdScan {
    std::unique_ptr<OrderedStore::Cursor> cursor;
    int group = 0;
    bool in_group = false;
    uint64_t pages = 0;
    std::vector<std::string> keys;  // what the last page's views point into
    std::vector<std::unique_ptr<std::byte[]>> values;
  };

  bool HasEntries() const { return entries_.size() > 0 || on_disk_; }
  // Before a lookup: room is made, slots may move.
  absl::Status Prepare(int64_t rows);
  // Gives back the memory of free rows; slots move.
  void Pack();
  // Asks the store for the rows made_ names that it may have; `found` gets such an i with its value.
  absl::Status AskStore(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys, const uint32_t* rows,
                        const std::function<absl::Status(uint32_t i, std::string_view value)>& found);
  absl::Status FillFromStore(uint32_t slot, std::string_view bytes);
  absl::Status ScanStore(int64_t limit, Page* page);
  // Entries from slot `from` on; returns where the next page begins.
  uint32_t ScanMemory(uint32_t from, int64_t limit, Page* page) const;
  // Tells the state how much memory the entries take now, and what they will take in the next delta.
  void Account();
  void AccountDirty();
  // Before values that the last call found are changed: what the barrier before wants of them is copied.
  void CopyTouched();

  TieredState* state_;
  const TableSpec* spec_;
  NamespaceId ns_;
  EntryTable entries_;
  int64_t accounted_bytes_ = 0;
  int64_t accounted_filter_ = 0;
  int64_t accounted_dirty_ = 0;
  int64_t entry_bytes_ = 0;  // of a delta, an entry
  uint64_t last_used_ = 0;  // counts calls of the state
  uint32_t hand_ = 0;       // the slot where the next eviction begins to look
  bool persisted_ = false;  // a delta or base may hold entries of it: dropping it must be written
  bool on_disk_ = false;    // the store may hold entries of it: those of the filter
  KeyFilter filter_;
  bool scanning_ = false;
  std::unique_ptr<ColdScan> cold_scan_;
  std::vector<uint32_t> made_;     // of the last call: which rows' entries are new, or not there
  std::vector<uint32_t> revived_;  // of the last call: which rows' entries had been removed
};

/// A table's namespaces. Thread: the task's thread.
class TieredTable final : public KeyedTable {
 public:
  TieredTable(TieredState* state, TableSpec spec) : state_(state), spec_(std::move(spec)) {}

  NamespaceTable& Open(NamespaceId ns) override { return OpenTiered(ns); }
  NamespaceTable* Find(NamespaceId ns) override;
  void Drop(NamespaceId ns) override;
  std::vector<NamespaceId> Namespaces() const override;

  TieredNamespace& OpenTiered(NamespaceId ns);
  const TableSpec& spec() const { return spec_; }
  std::map<NamespaceId, std::unique_ptr<TieredNamespace>>& namespaces() { return namespaces_; }

 private:
  TieredState* state_;
  const TableSpec spec_;
  std::map<NamespaceId, std::unique_ptr<TieredNamespace>> namespaces_;
};

}  // namespace weir::taskmanager
