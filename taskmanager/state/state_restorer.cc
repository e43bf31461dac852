#include "taskmanager/state/state_restorer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "taskmanager/state/cold_key.h"
#include "taskmanager/state/delta_replayer.h"
#include "taskmanager/state/read_ahead.h"
#include "taskmanager/state/tiered_state.h"

namespace weir::taskmanager {

using batch::KeyGroupRange;
using checkpoint::DeltaRef;
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
class StateRestorer {
 public:
  StateRestorer(TieredState* state, checkpoint::Storage* storage)
      : state_(state), storage_(storage) {}

  absl::Status Restore(const std::vector<KeyedSnapshot>& snapshots) {
    // Databases first: memory lies over them.
    for (const KeyedSnapshot& snapshot : snapshots) {
      if (snapshot.base_kind == "rocksdb") RETURN_IF_ERROR(RestoreDatabase(snapshot));
    }
    RETURN_IF_ERROR(FindColdNamespaces());
    RETURN_IF_ERROR(Replay(snapshots));
    // Again: what was dropped since is no longer there.
    return FindColdNamespaces();
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

  // Calls visit(snapshot, file or null, inline delta or null) for each part of the snapshots, in their order.
  template <typename Visit>
  static absl::Status ForEachPart(const std::vector<KeyedSnapshot>& snapshots, Visit visit) {
    for (const KeyedSnapshot& snapshot : snapshots) {
      for (size_t i = 0; i < snapshot.base.size(); ++i) {
        if (snapshot.base_kind == "rocksdb" && snapshot.base_names[i] != "dump") continue;
        RETURN_IF_ERROR(visit(snapshot, &snapshot.base[i], nullptr));
      }
      for (const DeltaRef& delta : snapshot.deltas) {
        RETURN_IF_ERROR(delta.is_inline() ? visit(snapshot, nullptr, &delta) : visit(snapshot, &delta.file, nullptr));
      }
    }
    return absl::OkStatus();
  }

  // Bytes of a part that are about the state's own.
  int64_t BytesOf(const KeyedSnapshot& snapshot, const FileRef* file, const DeltaRef* delta) const {
    const auto bytes = static_cast<int64_t>(file != nullptr ? file->size_bytes : delta->bytes.size());
    const KeyGroupRange taken = Intersect(snapshot.range, state_->options_.range);
    return bytes / (snapshot.range.end - snapshot.range.begin) * (taken.end - taken.begin);
  }

  absl::Status Replay(const std::vector<KeyedSnapshot>& snapshots) {
    std::vector<FileRef> files;
    int64_t later_bytes = 0;
    RETURN_IF_ERROR(ForEachPart(snapshots, [&](const auto& snapshot, const FileRef* file, const DeltaRef* delta) {
      if (file != nullptr) files.push_back(*file);
      later_bytes += BytesOf(snapshot, file, delta);
      return absl::OkStatus();
    }));
    ReadAhead read(storage_, std::move(files));
    DeltaReplayer replayer(state_);
    RETURN_IF_ERROR(ForEachPart(
        snapshots, [&](const auto& snapshot, const FileRef* file, const DeltaRef* delta) -> absl::Status {
          replayer.Begin(Intersect(snapshot.range, state_->options_.range));
          later_bytes -= BytesOf(snapshot, file, delta);
          if (file == nullptr) {
            return replayer.Replay(delta->bytes,
                                   absl::StrCat("of checkpoint ", delta->checkpoint.value, " in the manifest"),
                                   DeltaReplayer::Checksum::kCompare, later_bytes);
          }
          absl::StatusOr<std::string> bytes = read.Next();
          if (!bytes.ok()) return Missing(*storage_, *file, bytes.status());
          RETURN_IF_ERROR(replayer.Replay(*bytes, storage_->UserPath(file->path), DeltaReplayer::Checksum::kCompared,
                                          later_bytes));
          read.Recycle(*std::move(bytes));
          return absl::OkStatus();
        }));
    return replayer.Finish();
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
