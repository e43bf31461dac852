#include "taskmanager/state/state_restorer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/delta.h"
#include "taskmanager/state/cold_key.h"
#include "taskmanager/state/tiered_state.h"

namespace weir::taskmanager {

using batch::KeyGroupRange;
using checkpoint::DeltaRef;
using checkpoint::DeltaVisitor;
using checkpoint::FileRef;
using checkpoint::KeyedSnapshot;

namespace {

constexpr size_t kCopyBytes = 4 << 20;

KeyGroupRange Intersect(const KeyGroupRange& a, const KeyGroupRange& b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}
bool IsEmpty(const KeyGroupRange& r) { return r.begin >= r.end; }

// A checkpoint that refers to a file that is not there is damaged.
absl::Status Missing(const checkpoint::Storage& storage, const FileRef& file,
                     const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  return absl::DataLossError(
      absl::StrCat(storage.UserPath(file.path), " is missing, and the checkpoint needs it"));
}

}  // namespace

/// Fills a TieredState. Thread: one.
class StateRestorer : public DeltaVisitor {
 public:
  StateRestorer(TieredState* state, checkpoint::Storage* storage)
      : state_(state), storage_(storage) {}

  absl::Status Restore(const std::vector<KeyedSnapshot>& snapshots) {
    // Databases first: memory lies over them.
    for (const KeyedSnapshot& snapshot : snapshots) {
      if (snapshot.base_kind == "rocksdb") RETURN_IF_ERROR(RestoreDatabase(snapshot));
    }
    RETURN_IF_ERROR(FindColdNamespaces());
    for (const KeyedSnapshot& snapshot : snapshots) RETURN_IF_ERROR(Replay(snapshot));
    // Again: what was dropped since is no longer there.
    return FindColdNamespaces();
  }

  absl::Status OnDrop(std::string_view table, int64_t ns) override {
    EndBlock();
    auto it = state_->tables_.find(std::string(table));
    if (it == state_->tables_.end()) return absl::OkStatus();
    auto entries = it->second->namespaces().find(ns);
    if (entries == it->second->namespaces().end()) return absl::OkStatus();
    // Only what this former subtask had: the others' part of the namespace is theirs.
    if (entries->second->on_disk_) {
      for (int group = from_.begin; group < from_.end; ++group) {
        const std::string prefix = NamespacePrefix(group, table, ns);
        RETURN_IF_ERROR(state_->store_->DeleteRange(prefix, AfterPrefix(prefix)));
      }
    }
    if (from_ == state_->options_.range) {
      it->second->namespaces().erase(entries);
      return absl::OkStatus();
    }
    TieredNamespace& n = *entries->second;
    n.entries_.Retain([&](uint32_t slot) { return !from_.Contains(n.entries_.key_group(slot)); });
    n.Account();
    return absl::OkStatus();
  }

  absl::Status OnBlock(const Block& block) override {
    if (block.table.empty() || block.table.size() > kMaxTableName) {
      return absl::DataLossError("a state delta names no table");
    }
    EndBlock();
    if (state_->OverBudget(0)) RETURN_IF_ERROR(state_->Spill(0));
    removals_ = block.removals;
    if (removals_) {
      auto table = state_->tables_.find(std::string(block.table));
      if (table == state_->tables_.end()) return absl::OkStatus();
      auto entries = table->second->namespaces().find(block.ns);
      if (entries != table->second->namespaces().end()) into_ = entries->second.get();
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(TieredTable * table,
                     Table({.name = std::string(block.table),
                            .value_width = static_cast<int32_t>(block.value_width),
                            .has_text = block.has_text}));
    into_ = &table->OpenTiered(block.ns);
    into_->persisted_ = true;
    width_ = block.value_width;
    has_text_ = block.has_text;
    return absl::OkStatus();
  }

  absl::Status OnEntry(const Entry& entry) override {
    if (into_ == nullptr || !from_.Contains(entry.key_group)) return absl::OkStatus();
    if (removals_) return Remove(entry);
    entries_[waiting_] = entry;
    hashes_[waiting_] = EntryTable::HashOf(batch::HashKey(entry.key), entry.subkey);
    if (++waiting_ < kGroup) return absl::OkStatus();
    AddWaiting();
    if ((replayed_ += kGroup) % 1024 != 0) return absl::OkStatus();
    into_->Account();
    return state_->OverBudget(0) ? state_->Spill(0) : absl::OkStatus();
  }

 private:
  absl::StatusOr<TieredTable*> Table(const TableSpec& spec) {
    ASSIGN_OR_RETURN(KeyedTable * table, state_->OpenTable(spec));
    return static_cast<TieredTable*>(table);
  }

  absl::Status RestoreDatabase(const KeyedSnapshot& snapshot) {
    if (state_->stores_ == nullptr) {
      return absl::FailedPreconditionError(
          "the checkpoint holds state in a database, which backend memory does not read; set "
          "state.backend to rocksdb");
    }
    if (snapshot.base_names.size() != snapshot.base.size()) {
      return absl::DataLossError("the manifest does not name all files of a state base");
    }
    ASSIGN_OR_RETURN(const std::string folder, state_->stores_->NewFolder());
    const FileRef* first = nullptr;
    for (size_t i = 0; i < snapshot.base.size(); ++i) {
      const std::string& name = snapshot.base_names[i];
      if (name == "dump") continue;
      if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.')) {
        return absl::DataLossError(
            absl::StrCat("the manifest has '", name, "' as the name of a state file"));
      }
      if (first == nullptr) first = &snapshot.base[i];
      const absl::Status fetched = storage_->Fetch(snapshot.base[i], folder + "/" + name);
      RETURN_IF_ERROR(Missing(*storage_, snapshot.base[i], fetched));
    }
    if (first == nullptr) return absl::DataLossError("a state base in a database has no files");
    absl::StatusOr<std::shared_ptr<OrderedStore>> opened = state_->stores_->Open(folder);
    if (!opened.ok()) return Annotate(opened.status(), storage_->UserPath(first->path));
    RETURN_IF_ERROR(ReadLayouts(**opened));
    const KeyGroupRange mine = Intersect(snapshot.range, state_->options_.range);
    if (state_->store_ == nullptr) {
      state_->store_ = *std::move(opened);
      RETURN_IF_ERROR(state_->store_->DeleteRange(GroupPrefix(0), GroupPrefix(mine.begin)));
      return state_->store_->DeleteRange(GroupPrefix(mine.end), GroupPrefix(kLayoutGroup));
    }
    return CopyFrom(**opened, mine);
  }

  absl::Status CopyFrom(OrderedStore& from, const KeyGroupRange& mine) {
    std::unique_ptr<OrderedStore::Cursor> at = from.NewCursor();
    const std::string end = GroupPrefix(mine.end);
    ColdBatch batch;
    for (at->Seek(GroupPrefix(mine.begin)); at->Valid() && at->key() < end; at->Next()) {
      batch.AddRaw(at->key(), at->value());
      if (batch.bytes() < kCopyBytes) continue;
      RETURN_IF_ERROR(state_->store_->Write(batch));
      batch.Clear();
    }
    RETURN_IF_ERROR(at->status());
    return state_->store_->Write(batch);
  }

  absl::Status ReadLayouts(OrderedStore& store) {
    std::unique_ptr<OrderedStore::Cursor> at = store.NewCursor();
    for (at->Seek(GroupPrefix(kLayoutGroup)); at->Valid(); at->Next()) {
      ASSIGN_OR_RETURN(const TableSpec spec, DecodeLayout(at->key(), at->value()));
      RETURN_IF_ERROR(Table(spec).status());
    }
    return at->status();
  }

  absl::Status Replay(const KeyedSnapshot& snapshot) {
    from_ = Intersect(snapshot.range, state_->options_.range);
    for (size_t i = 0; i < snapshot.base.size(); ++i) {
      if (snapshot.base_kind == "rocksdb" && snapshot.base_names[i] != "dump") continue;
      RETURN_IF_ERROR(ReplayFile(snapshot.base[i]));
    }
    for (const DeltaRef& delta : snapshot.deltas) {
      if (!delta.is_inline()) {
        RETURN_IF_ERROR(ReplayFile(delta.file));
        continue;
      }
      const std::string what =
          absl::StrCat("of checkpoint ", delta.checkpoint.value, " in the manifest");
      RETURN_IF_ERROR(checkpoint::ReadDeltas(delta.bytes, what, this));
      EndBlock();
    }
    return absl::OkStatus();
  }

  absl::Status ReplayFile(const FileRef& file) {
    const absl::StatusOr<std::string> bytes = storage_->Read(file);
    if (!bytes.ok()) return Missing(*storage_, file, bytes.status());
    RETURN_IF_ERROR(checkpoint::ReadDeltas(*bytes, storage_->UserPath(file.path), this));
    EndBlock();
    return absl::OkStatus();
  }

  absl::Status Remove(const Entry& entry) {
    EntryTable& entries = into_->entries_;
    const int64_t slot = entries.Find(
        entry.key, entry.subkey, EntryTable::HashOf(batch::HashKey(entry.key), entry.subkey));
    if (slot >= 0) entries.Erase(static_cast<uint32_t>(slot));
    if (!into_->on_disk_) return absl::OkStatus();
    removal_.Begin(into_->spec_->name, into_->ns_);
    removal_.AddKey(entry.key_group, entry.key, entry.subkey);
    return state_->store_->Write(removal_);
  }

  // Adds the entries read together, so that their cache misses overlap.
  void AddWaiting() {
    EntryTable& entries = into_->entries_;
    entries.Reserve(waiting_);
    for (size_t i = 0; i < waiting_; ++i) entries.PrefetchCell(hashes_[i]);
    for (size_t i = 0; i < waiting_; ++i) entries.PrefetchRow(hashes_[i]);
    for (size_t i = 0; i < waiting_; ++i) {
      const Entry& entry = entries_[i];
      const uint32_t slot = entries.FindOrAdd(entry.key, entry.subkey, hashes_[i], entry.key_group);
      if (width_ > 0) std::memcpy(entries.value(slot), entry.value, width_);
      if (has_text_) entries.set_text(slot, entry.text);
      // Whether the store has an older value is not asked: it may.
      entries.add_flags(slot, into_->on_disk_ ? EntryTable::kPersisted | EntryTable::kStored
                                              : EntryTable::kPersisted);
    }
    waiting_ = 0;
  }

  void EndBlock() {
    if (into_ == nullptr) return;
    if (waiting_ > 0) AddWaiting();
    into_->Account();
    into_ = nullptr;
  }

  // Which (table, namespace) the database has something of: seeks from one to the next.
  absl::Status FindColdNamespaces() {
    if (state_->store_ == nullptr) return absl::OkStatus();
    std::unique_ptr<OrderedStore::Cursor> at = state_->store_->NewCursor();
    for (auto& [name, table] : state_->tables_) {
      RETURN_IF_ERROR(state_->WriteLayout(table->spec()));
      for (auto& [ns, entries] : table->namespaces()) entries->on_disk_ = false;
    }
    const std::string end = GroupPrefix(state_->options_.range.end);
    at->Seek(GroupPrefix(state_->options_.range.begin));
    while (at->Valid() && at->key() < end) {
      ColdKey key;
      if (!DecodeColdKey(at->key(), &key))
        return absl::DataLossError("the restored database holds a damaged key");
      auto table = state_->tables_.find(std::string(key.table));
      if (table == state_->tables_.end()) {
        return absl::DataLossError(absl::StrCat("the restored database has no layout of table '",
                                                std::string(key.table), "'"));
      }
      TieredNamespace& entries = table->second->OpenTiered(key.ns);
      entries.on_disk_ = true;
      entries.persisted_ = true;
      // What was evicted while deltas were replayed is known; what the database had before is not.
      if (entries.filter_.empty()) entries.filter_.SayYesToAll();
      at->Seek(AfterPrefix(NamespacePrefix(key.key_group, key.table, key.ns)));
    }
    return at->status();
  }

  TieredState* const state_;
  checkpoint::Storage* const storage_;
  KeyGroupRange from_;  // key groups taken from the snapshot that is being read
  TieredNamespace* into_ = nullptr;
  uint32_t width_ = 0;
  bool has_text_ = false;
  bool removals_ = false;  // the block's entries are removed ones
  ColdBatch removal_;
  static constexpr size_t kGroup = 32;
  Entry entries_[kGroup];
  uint64_t hashes_[kGroup];
  size_t waiting_ = 0;
  size_t replayed_ = 0;
};

absl::StatusOr<std::unique_ptr<KeyedState>> RestoreKeyedState(
    KeyedStateOptions options, std::shared_ptr<checkpoint::Storage> storage,
    std::unique_ptr<OrderedStoreFactory> stores, std::vector<KeyedSnapshot> restored) {
  std::erase_if(restored,
                [&](const KeyedSnapshot& s) { return IsEmpty(Intersect(s.range, options.range)); });
  const bool goes_on = restored.size() == 1 && restored[0].range == options.range;
  KeyedSnapshot chain;
  chain.range = options.range;
  if (goes_on) chain = restored[0];
  auto state = std::make_unique<TieredState>(std::move(options), storage, std::move(stores),
                                             std::move(chain));
  if (restored.empty()) return state;
  RETURN_IF_ERROR(WEIR_FAILPOINT("in_restore"));
  RETURN_IF_ERROR(StateRestorer(state.get(), storage.get()).Restore(restored));
  state->base_wanted_ = !goes_on;
  return state;
}

}  // namespace weir::taskmanager
