#include "taskmanager/state/delta_replayer.h"

#include <algorithm>
#include <cstring>

#include "common/base/status_macros.h"
#include "taskmanager/state/cold_key.h"

namespace weir::taskmanager {
namespace {

constexpr size_t kAccountEach = 1024;  // entries
// What is written to the store at a time, as a part of the budget.
constexpr int64_t kColdShare = 16, kLeastCold = 64 << 10;
// What entries take in memory, as compared with a delta: this by kDeltaBytes.
constexpr int64_t kMemoryBytes = 3, kDeltaBytes = 2;

}  // namespace

DeltaReplayer::DeltaReplayer(TieredState* state) : state_(state) {}

absl::Status DeltaReplayer::Replay(std::string_view bytes, std::string_view what, Checksum checksum,
                                   int64_t later_bytes) {
  const int64_t budget = state_->options_.memory_budget_bytes;
  const int64_t later = std::min(later_bytes, budget) / kDeltaBytes * kMemoryBytes;
  memory_limit_ = std::max(budget / 2, budget - budget / 16 - later);
  RETURN_IF_ERROR(checksum == Checksum::kCompare ? checkpoint::ReadDeltas(bytes, what, this)
                                                 : checkpoint::ReadVerifiedDeltas(bytes, what, this));
  return EndBlock();
}

absl::Status DeltaReplayer::Finish() { return WriteCold(); }

absl::Status DeltaReplayer::OnDrop(std::string_view table, int64_t ns) {
  RETURN_IF_ERROR(EndBlock());
  auto it = state_->tables_.find(std::string(table));
  if (it == state_->tables_.end()) return absl::OkStatus();
  auto entries = it->second->namespaces().find(ns);
  if (entries == it->second->namespaces().end()) return absl::OkStatus();
  // Only what this former subtask had: the others' part of the namespace is theirs.
  if (entries->second->on_disk_) {
    RETURN_IF_ERROR(WriteCold());
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

absl::Status DeltaReplayer::OnBlock(const Block& block) {
  if (block.table.empty() || block.table.size() > kMaxTableName) {
    return absl::DataLossError("a state delta names no table");
  }
  RETURN_IF_ERROR(EndBlock());
  removals_ = block.removals;
  if (removals_) {
    auto table = state_->tables_.find(std::string(block.table));
    if (table == state_->tables_.end()) return absl::OkStatus();
    auto entries = table->second->namespaces().find(block.ns);
    if (entries != table->second->namespaces().end()) into_ = entries->second.get();
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(KeyedTable * table, state_->OpenTable({.name = std::string(block.table),
                                                          .value_width = static_cast<int32_t>(block.value_width),
                                                          .has_text = block.has_text}));
  into_ = &static_cast<TieredTable*>(table)->OpenTiered(block.ns);
  into_->persisted_ = true;
  width_ = block.value_width;
  has_text_ = block.has_text;
  return Account();
}

absl::Status DeltaReplayer::OnEntries(std::span<const Entry> entries) {
  if (into_ == nullptr) return absl::OkStatus();
  if (removals_) return Remove(entries);
  const Entry* taken[kGroup];
  uint64_t hashes[kGroup];
  size_t count = 0;
  for (const Entry& entry : entries) {
    if (!from_.Contains(entry.key_group)) continue;
    taken[count] = &entry;
    hashes[count++] = EntryTable::HashOf(batch::HashKey(entry.key), entry.subkey);
  }
  EntryTable& table = into_->entries_;
  table.Reserve(full_ ? 1 : count);
  for (size_t i = 0; i < count; ++i) table.PrefetchCell(hashes[i]);
  for (size_t i = 0; i < count; ++i) table.PrefetchRow(hashes[i]);
  if (full_) {
    RETURN_IF_ERROR(AddBeyondBudget(taken, hashes, count));
  } else {
    AddToMemory(taken, hashes, count);
  }
  if ((unaccounted_ += count) < kAccountEach) return absl::OkStatus();
  return Account();
}

void DeltaReplayer::Fill(uint32_t slot, const Entry& entry) {
  EntryTable& table = into_->entries_;
  if (width_ > 0) std::memcpy(table.value(slot), entry.value, width_);
  if (has_text_) table.set_text(slot, entry.text);
}

void DeltaReplayer::AddToMemory(const Entry* const* entries, const uint64_t* hashes, size_t count) {
  EntryTable& table = into_->entries_;
  // Whether the store has an older value is not asked: it may.
  const uint16_t flags = into_->on_disk_ ? EntryTable::kPersisted | EntryTable::kStored : EntryTable::kPersisted;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t slot = table.FindOrAdd(entries[i]->key, entries[i]->subkey, hashes[i], entries[i]->key_group);
    Fill(slot, *entries[i]);
    table.add_flags(slot, flags);
  }
}

absl::Status DeltaReplayer::AddBeyondBudget(const Entry* const* entries, const uint64_t* hashes, size_t count) {
  TieredNamespace& n = *into_;
  RETURN_IF_ERROR(state_->OpenStore());
  RETURN_IF_ERROR(state_->WriteLayout(*n.spec_));
  if (cold_of_ != into_) {
    RETURN_IF_ERROR(WriteCold());
    cold_.Begin(n.spec_->name, n.ns_);
    cold_of_ = into_;
  }
  const size_t filter_room = state_->FilterRoom(n);
  for (size_t i = 0; i < count; ++i) {
    const Entry& entry = *entries[i];
    if (const int64_t slot = n.entries_.Find(entry.key, entry.subkey, hashes[i]); slot >= 0) {
      Fill(static_cast<uint32_t>(slot), entry);
      continue;
    }
    // From now on: what is removed or dropped before it is written there must find it.
    n.on_disk_ = true;
    n.filter_.Add(hashes[i], size_t{2} * n.entries_.slots(), filter_room);
    cold_.AddEntry(entry.key_group, entry.key, entry.subkey, entry.value, width_, entry.text);
  }
  const auto most = static_cast<size_t>(std::max(state_->options_.memory_budget_bytes / kColdShare, kLeastCold));
  return cold_.bytes() < most ? absl::OkStatus() : WriteCold();
}

absl::Status DeltaReplayer::Remove(std::span<const Entry> entries) {
  RETURN_IF_ERROR(WriteCold());
  EntryTable& table = into_->entries_;
  removed_.Begin(into_->spec_->name, into_->ns_);
  for (const Entry& entry : entries) {
    if (!from_.Contains(entry.key_group)) continue;
    const int64_t slot =
        table.Find(entry.key, entry.subkey, EntryTable::HashOf(batch::HashKey(entry.key), entry.subkey));
    if (slot >= 0) table.Erase(static_cast<uint32_t>(slot));
    if (into_->on_disk_) removed_.AddKey(entry.key_group, entry.key, entry.subkey);
  }
  if (removed_.empty()) return absl::OkStatus();
  removed_.Sort();
  removed_.KeepLast();
  return state_->store_->Write(removed_);
}

absl::Status DeltaReplayer::WriteCold() {
  if (cold_of_ == nullptr) return absl::OkStatus();
  cold_of_ = nullptr;
  cold_.Sort();
  cold_.KeepLast();
  const absl::Status status = state_->store_->Write(cold_);
  cold_.Clear();
  return status;
}

absl::Status DeltaReplayer::Account() {
  into_->Account();
  unaccounted_ = 0;
  if (state_->stores_ == nullptr) return absl::OkStatus();
  const int64_t growth = into_->entries_.GrowthBytes(kAccountEach + kGroup);
  full_ = state_->table_bytes_ + growth > memory_limit_;
  if (!state_->OverBudget(full_ ? 0 : growth)) return absl::OkStatus();
  // What is evicted is newer than what waits for the store.
  RETURN_IF_ERROR(WriteCold());
  return state_->Spill(0);
}

absl::Status DeltaReplayer::EndBlock() {
  if (into_ == nullptr) return absl::OkStatus();
  const absl::Status status = Account();
  into_ = nullptr;
  return status;
}

}  // namespace weir::taskmanager
