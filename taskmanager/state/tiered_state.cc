#include "taskmanager/state/tiered_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {

using checkpoint::DeltaBuilder;

namespace {

// Entries given to the store at a time, in the order of their keys.
constexpr size_t kPutBatch = 32768;
// The dump keeps pace with the changes: it ends after about as many as there are entries, each a batch's row.
constexpr int64_t kDumpBytesPerRow = 128;
constexpr int64_t kDumpBetweenBarriers = 64 << 20;

class ChainWriter final : public KeyedSnapshotWriter {
 public:
  ChainWriter(std::shared_ptr<SnapshotChain> chain, CheckpointId checkpoint)
      : chain_(std::move(chain)), checkpoint_(checkpoint) {}
  absl::StatusOr<checkpoint::KeyedSnapshot> Write() override {
    return chain_->Write(checkpoint_, &bytes_written_);
  }
  int64_t bytes_written() const override { return bytes_written_; }

 private:
  const std::shared_ptr<SnapshotChain> chain_;
  const CheckpointId checkpoint_;
  int64_t bytes_written_ = 0;
};

void AddEntry(const EntryTable& entries, uint32_t slot, bool has_text, DeltaBuilder* out) {
  out->Add(entries.key_group(slot), entries.key(slot), entries.subkey(slot), entries.value(slot),
           has_text ? entries.text(slot) : std::string_view());
}

void AddRemovals(const EntryTable& entries, const TableSpec& spec, NamespaceId ns,
                 const std::vector<uint32_t>& slots, DeltaBuilder* out) {
  if (slots.empty()) return;
  out->BeginRemovals(spec.name, ns);
  for (uint32_t slot : slots)
    out->AddRemoval(entries.key_group(slot), entries.key(slot), entries.subkey(slot));
  out->EndRemovals();
}

}  // namespace

TieredState::TieredState(KeyedStateOptions options, std::shared_ptr<checkpoint::Storage> storage,
                         std::unique_ptr<OrderedStoreFactory> stores,
                         checkpoint::KeyedSnapshot restored)
    : options_(std::move(options)),
      storage_(std::move(storage)),
      stores_(std::move(stores)),
      chain_(
          std::make_shared<SnapshotChain>(storage_, options_.storage_prefix, std::move(restored))),
      spill_at_(options_.memory_budget_bytes) {}

TieredState::~TieredState() = default;

absl::StatusOr<KeyedTable*> TieredState::OpenTable(const TableSpec& spec) {
  if (spec.name.empty() || spec.name.size() > kMaxTableName || spec.value_width < 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", spec.name, "' is no state table"));
  }
  std::unique_ptr<TieredTable>& table = tables_[spec.name];
  if (table == nullptr) table = std::make_unique<TieredTable>(this, spec);
  if (!(table->spec() == spec)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "state table '", spec.name, "' was written with values of ", table->spec().value_width,
        table->spec().has_text ? " bytes and text" : " bytes", ", this job has ", spec.value_width,
        spec.has_text ? " bytes and text" : " bytes", "; start without the checkpoint"));
  }
  return table.get();
}

int64_t TieredState::memory_bytes() const {
  return table_bytes_ + chain_->PendingBytes() + static_cast<int64_t>(next_.size());
}

void TieredState::OnDrop(const std::string& table, TieredNamespace& entries) {
  if (entries.persisted_) dropped_.emplace_back(table, entries.ns_);
  if (entries.on_disk_) cold_drops_.emplace_back(table, entries.ns_);
}

void TieredState::OnSlotsMoved(const std::string& table, NamespaceId ns) {
  if (dump_.has_value() && dump_->begun && dump_->table == table && dump_->ns == ns)
    dump_->slot = 0;
}

void TieredState::CutNamespace(TieredNamespace& n, DeltaBuilder* out) {
  EntryTable& entries = n.entries_;
  const TableSpec& spec = *n.spec_;
  const std::vector<uint32_t>& dirty = entries.dirty();
  removed_.clear();
  bool begun = false;
  for (size_t i = 0; i < dirty.size(); ++i) {
    if (i + 24 < dirty.size()) entries.Prefetch(dirty[i + 24]);
    const uint32_t slot = dirty[i];
    const uint16_t flags = entries.flags(slot);
    entries.clear_flags(slot, EntryTable::kDirty);
    if ((flags & EntryTable::kFree) != 0) continue;
    if ((flags & EntryTable::kRemoved) != 0) {
      removed_.push_back(slot);
      continue;
    }
    if (!begun) {
      out->BeginEntries(spec.name, static_cast<uint32_t>(spec.value_width), spec.has_text, n.ns_);
      begun = true;
    }
    AddEntry(entries, slot, spec.has_text, out);
    entries.add_flags(slot, EntryTable::kPersisted);
  }
  if (begun) {
    out->EndEntries();
    n.persisted_ = true;
  }
  entries.ForgetDirtyList();
  AddRemovals(entries, spec, n.ns_, removed_, out);
  // A row stays as long as it has to be said over the store that the entry is gone.
  for (uint32_t slot : removed_) {
    if ((entries.flags(slot) & EntryTable::kStored) == 0) entries.Erase(slot);
  }
}

void TieredState::CutDirty(DeltaBuilder* out) {
  // Drops first: entries of a dropped namespace that are dirty were made after it.
  for (const auto& [table, ns] : dropped_) out->Drop(table, ns);
  dropped_.clear();
  for (auto& [name, table] : tables_) {
    for (auto& [ns, entries] : table->namespaces()) {
      if (!entries->entries_.dirty().empty()) CutNamespace(*entries, out);
    }
  }
}

bool TieredState::NeedsBase() const {
  if (base_wanted_) return true;
  const int64_t state_bytes = table_bytes_ + (store_ != nullptr ? store_->ApproximateBytes() : 0);
  return chain_->DeltaBytes() > std::max(options_.min_delta_bytes, state_bytes) ||
         chain_->DeltaCount() >= options_.max_deltas;
}

void TieredState::DumpBetweenBarriers(int64_t rows) {
  if (!dump_.has_value() || dump_->complete) return;
  dump_->credit += rows * kDumpBytesPerRow;
  // What is dumped waits in memory for the next barrier's writer.
  const int64_t most = std::max(kDumpBetweenBarriers, static_cast<int64_t>(last_delta_bytes_) * 2);
  const auto waiting = static_cast<int64_t>(dump_->slice.size());
  if (dump_->credit < options_.dump_slice_bytes / 8 || waiting > most) return;
  dump_->complete =
      DumpSlice(&*dump_, static_cast<size_t>(waiting + dump_->credit), &dump_->slice);
  dump_->credit = 0;
}

bool TieredState::DumpSlice(Dump* dump, size_t slice_bytes, DeltaBuilder* out) {
  auto table = dump->begun ? tables_.lower_bound(dump->table) : tables_.begin();
  for (; table != tables_.end(); ++table) {
    const TableSpec& spec = table->second->spec();
    auto& namespaces = table->second->namespaces();
    const bool same_table = dump->begun && table->first == dump->table;
    auto it = same_table ? namespaces.lower_bound(dump->ns) : namespaces.begin();
    for (; it != namespaces.end(); ++it) {
      TieredNamespace& entries = *it->second;
      uint32_t slot = same_table && it->first == dump->ns ? dump->slot : 0;
      if (slot >= entries.entries_.slots()) continue;
      out->BeginEntries(spec.name, static_cast<uint32_t>(spec.value_width), spec.has_text,
                        it->first);
      removed_.clear();
      for (; slot < entries.entries_.slots() && out->size() < slice_bytes; ++slot) {
        if (entries.entries_.HasEntry(slot)) {
          AddEntry(entries.entries_, slot, spec.has_text, out);
          // It may not have been cut yet; from now on it cannot go without a trace.
          entries.entries_.add_flags(slot, EntryTable::kPersisted);
        } else if ((entries.entries_.flags(slot) & EntryTable::kRemoved) != 0) {
          removed_.push_back(slot);
        }
      }
      out->EndEntries();
      entries.persisted_ = true;
      AddRemovals(entries.entries_, spec, it->first, removed_, out);
      if (out->size() >= slice_bytes) {
        dump->table = table->first;
        dump->ns = it->first;
        dump->slot = slot;
        dump->begun = true;
        return false;
      }
    }
  }
  return true;
}

absl::StatusOr<std::unique_ptr<KeyedSnapshotWriter>> TieredState::Freeze(CheckpointId checkpoint) {
  next_.Reserve(last_delta_bytes_ + last_delta_bytes_ / 8);
  CutDirty(&next_);
  const bool all_at_once = base_wanted_;
  bool begun_now = false;
  if (!dump_.has_value() && !chain_->BaseInProgress() && NeedsBase()) {
    dump_.emplace();
    dump_->covers = checkpoint;
    begun_now = true;
  }
  std::vector<std::string> parts;
  bool complete = false;
  if (dump_.has_value()) {
    if (!dump_->slice.empty()) parts.push_back(dump_->slice.Take());
    complete = dump_->complete;
    while (!complete) {
      complete = DumpSlice(&*dump_, static_cast<size_t>(options_.dump_slice_bytes), &dump_->slice);
      if (!dump_->slice.empty()) parts.push_back(dump_->slice.Take());
      if (!all_at_once) break;
    }
  }
  // A base that begins and ends here holds what the delta would say.
  last_delta_bytes_ = next_.size();
  const bool has_delta = !next_.empty();
  std::string delta = next_.Take();
  if (has_delta && !(begun_now && complete)) chain_->AddDelta(checkpoint, std::move(delta));
  for (std::string& part : parts) chain_->AddBasePart(checkpoint, std::move(part));
  if (complete) {
    // The store is to stand exactly here.
    if (store_ != nullptr) RETURN_IF_ERROR(ApplyDrops());
    chain_->FinishBase(checkpoint, dump_->covers, store_);
    dump_.reset();
    base_wanted_ = false;
  }
  return std::make_unique<ChainWriter>(chain_, checkpoint);
}

absl::Status TieredState::OpenStore() {
  if (store_ != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string folder, stores_->NewFolder());
  ASSIGN_OR_RETURN(store_, stores_->Open(folder));
  return absl::OkStatus();
}

absl::Status TieredState::WriteLayout(const TableSpec& spec) {
  bool& written = layouts_written_[spec.name];
  if (written) return absl::OkStatus();
  RETURN_IF_ERROR(store_->Put({{LayoutKey(spec.name), EncodeLayout(spec)}}));
  written = true;
  return absl::OkStatus();
}

absl::Status TieredState::ApplyDrops() {
  for (const auto& [table, ns] : cold_drops_) {
    for (int group = options_.range.begin; group < options_.range.end; ++group) {
      const std::string prefix = NamespacePrefix(group, table, ns);
      RETURN_IF_ERROR(store_->DeleteRange(prefix, AfterPrefix(prefix)));
    }
  }
  cold_drops_.clear();
  return absl::OkStatus();
}

absl::Status TieredState::Evict(TieredNamespace& n, bool clean_and_cold_only, int64_t bytes) {
  EntryTable& entries = n.entries_;
  const uint32_t slots = entries.slots();
  const int64_t row_bytes = entries.memory_bytes() / slots + 1;
  const auto limit = static_cast<uint32_t>(std::min<int64_t>(slots, bytes / row_bytes + 1));
  constexpr uint16_t kStays = EntryTable::kDirty | EntryTable::kReferenced;
  RETURN_IF_ERROR(WriteLayout(*n.spec_));
  // A clock: who was used since the hand came by last time stays once more.
  std::vector<uint32_t> going;
  uint32_t gone = 0;
  for (uint32_t step = 0; step < slots && gone + going.size() < limit; ++step) {
    const uint32_t slot = n.hand_ < slots ? n.hand_ : 0;
    n.hand_ = slot + 1;
    if (slot + 8 < slots) entries.Prefetch(slot + 8);
    const uint16_t flags = entries.flags(slot);
    if ((flags & EntryTable::kFree) != 0) continue;
    if (clean_and_cold_only && (flags & kStays) != 0) {
      entries.clear_flags(slot, EntryTable::kReferenced);
      continue;
    }
    going.push_back(slot);
    if (going.size() < kPutBatch) continue;
    gone += kPutBatch;
    RETURN_IF_ERROR(MoveToStore(n, &going));
  }
  RETURN_IF_ERROR(MoveToStore(n, &going));
  n.Account();
  // Free rows serve this namespace only.
  if (entries.free_bytes() > entries.memory_bytes() / 4) n.Pack();
  return absl::OkStatus();
}

absl::Status TieredState::MoveToStore(TieredNamespace& n, std::vector<uint32_t>* slots) {
  EntryTable& entries = n.entries_;
  const TableSpec& spec = *n.spec_;
  std::vector<std::pair<std::string, std::string>> batch;
  batch.reserve(slots->size());
  std::vector<std::string> removed;
  for (uint32_t slot : *slots) {
    std::string key = EncodeColdKey({.key_group = entries.key_group(slot),
                                     .table = spec.name,
                                     .ns = n.ns_,
                                     .key = entries.key(slot),
                                     .subkey = entries.subkey(slot)});
    if ((entries.flags(slot) & EntryTable::kRemoved) != 0) {
      removed.push_back(std::move(key));
      continue;
    }
    batch.emplace_back(std::move(key),
                       EncodeColdValue(entries.value(slot), static_cast<size_t>(spec.value_width),
                                       spec.has_text ? entries.text(slot) : std::string_view()));
  }
  if (!batch.empty()) n.on_disk_ = true;
  std::sort(batch.begin(), batch.end());
  RETURN_IF_ERROR(store_->Put(batch));
  RETURN_IF_ERROR(store_->Delete(removed));
  for (uint32_t slot : *slots) entries.Erase(slot);
  slots->clear();
  return absl::OkStatus();
}

absl::Status TieredState::Spill() {
  const int64_t step = options_.memory_budget_bytes / 16;
  // A base is being taken from the store: memory grows until that is done.
  if (chain_->StoreMustStand()) {
    spill_at_ = table_bytes_ + step;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(OpenStore());
  RETURN_IF_ERROR(ApplyDrops());
  const int64_t target = options_.memory_budget_bytes - step;
  std::vector<TieredNamespace*> coldest;
  for (auto& [name, table] : tables_) {
    for (auto& [ns, entries] : table->namespaces()) {
      if (entries->entries_.slots() > 0 && !entries->scanning_) coldest.push_back(entries.get());
    }
  }
  std::sort(coldest.begin(), coldest.end(), [](const TieredNamespace* a, const TieredNamespace* b) {
    return a->last_used_ < b->last_used_;
  });
  for (TieredNamespace* entries : coldest) {
    if (table_bytes_ <= target) break;
    RETURN_IF_ERROR(Evict(*entries, /*clean_and_cold_only=*/true, table_bytes_ - target));
  }
  if (table_bytes_ > target) {
    // The rest changed since the last barrier: its part of the next delta is cut now, so that it
    // may go.
    CutDirty(&next_);
    for (TieredNamespace* entries : coldest) {
      if (table_bytes_ <= target) break;
      if (entries->entries_.slots() == 0) continue;
      RETURN_IF_ERROR(Evict(*entries, /*clean_and_cold_only=*/false, table_bytes_ - target));
    }
  }
  spill_at_ = std::max(options_.memory_budget_bytes, table_bytes_ + step);
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
