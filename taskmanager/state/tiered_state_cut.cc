#include <algorithm>
#include <limits>
#include <utility>

#include "taskmanager/state/tiered_state.h"

// How TieredState makes deltas: changed entries are frozen at once and copied later, before they are changed again.
namespace weir::taskmanager {

using checkpoint::DeltaBuilder;

namespace {

constexpr int64_t kPartOverflow = 64 << 10;
constexpr size_t kRemovalBytes = 48;  // of a delta, about

}  // namespace

void TieredState::ReservePart() {
  if (next_.empty()) next_.Reuse(chain_->TakeSpare());
  // Somewhat more, so that the next delta of about this size has room too, and a part for the entry that fills it.
  next_.Reserve(next_.size() +
                static_cast<size_t>(std::min(options_.delta_part_bytes + kPartOverflow, dirty_bytes_ + dirty_bytes_ / 8)));
}

void TieredState::AddPart() {
  if (next_.empty()) return;
  cut_bytes_ += next_.size();
  chain_->AddPart(next_.Take());
}

int64_t TieredState::BeginCut() {
  ReservePart();
  // Drops first: entries of a dropped namespace that are dirty were made after it.
  for (const auto& [table, ns] : dropped_) next_.Drop(table, ns);
  dropped_.clear();
  int64_t frozen = 0;
  for (auto& [name, table] : tables_) {
    for (auto& [ns, entries] : table->namespaces()) {
      entries->entries_.Freeze();
      frozen += entries->entries_.frozen();
    }
  }
  copying_ = true;
  copying_table_.clear();
  copying_ns_ = std::numeric_limits<NamespaceId>::min();
  return frozen;
}

bool TieredState::CopyOn(int64_t entries) {
  if (!copying_) return true;
  for (auto table = tables_.lower_bound(copying_table_); table != tables_.end(); ++table) {
    auto& namespaces = table->second->namespaces();
    if (table->first != copying_table_) {
      copying_table_ = table->first;
      copying_ns_ = std::numeric_limits<NamespaceId>::min();
    }
    for (auto ns = namespaces.lower_bound(copying_ns_); ns != namespaces.end(); ++ns) {
      copying_ns_ = ns->first;
      if (!CopyFrom(*ns->second, &entries)) return false;
    }
  }
  CloseBlock();
  copying_ = false;
  return true;
}

bool TieredState::CopyFrom(TieredNamespace& n, int64_t* most) {
  EntryTable& entries = n.entries_;
  if (entries.frozen() == 0) return true;
  removed_.clear();
  for (; entries.frozen() > 0 && *most > 0; --*most) {
    if (next_.size() + removed_.size() * kRemovalBytes >= static_cast<size_t>(options_.delta_part_bytes)) {
      CopyRemoved(n);
      CloseBlock();
      AddPart();
      ReservePart();
    }
    const int64_t taken = entries.TakeFrozen();
    if (taken < 0) continue;
    const auto slot = static_cast<uint32_t>(taken);
    if ((entries.flags(slot) & EntryTable::kRemoved) != 0) {
      removed_.push_back(slot);
    } else {
      CopyEntry(n, slot);
    }
  }
  CopyRemoved(n);
  n.Account();
  return entries.frozen() == 0;
}

void TieredState::CopyRemoved(TieredNamespace& n) {
  CopyRemovals(n, removed_);
  // A row stays as long as it has to be said over the store that the entry is gone.
  for (uint32_t slot : removed_) {
    if ((n.entries_.flags(slot) & EntryTable::kStored) == 0) n.entries_.Erase(slot);
  }
  removed_.clear();
}

void TieredState::CopyAllOf(TieredNamespace& n) {
  int64_t all = kAllEntries;
  if (copying_) CopyFrom(n, &all);
  if (open_ == &n) CloseBlock();
}

void TieredState::CopyTouched(TieredNamespace& n) {
  for (uint32_t slot : n.entries_.touched()) CopyEntry(n, slot);
  CopyRemovals(n, n.entries_.touched_removed());
}

void TieredState::AddEntry(const TieredNamespace& n, uint32_t slot, DeltaBuilder* out) {
  const EntryTable& entries = n.entries_;
  out->Add(entries.key_group(slot), entries.key(slot), entries.subkey(slot), entries.value(slot),
           n.spec_->has_text ? entries.text(slot) : std::string_view());
}

void TieredState::AddRemovals(const TieredNamespace& n, const std::vector<uint32_t>& slots, DeltaBuilder* out) {
  if (slots.empty()) return;
  const EntryTable& entries = n.entries_;
  out->BeginRemovals(n.spec_->name, n.ns_);
  for (uint32_t slot : slots) out->AddRemoval(entries.key_group(slot), entries.key(slot), entries.subkey(slot));
  out->EndRemovals();
}

void TieredState::CopyEntry(TieredNamespace& n, uint32_t slot) {
  if (open_ != &n) {
    CloseBlock();
    next_.BeginEntries(n.spec_->name, static_cast<uint32_t>(n.spec_->value_width), n.spec_->has_text, n.ns_);
    open_ = &n;
    n.persisted_ = true;
  }
  AddEntry(n, slot, &next_);
  n.entries_.add_flags(slot, EntryTable::kPersisted);
}

void TieredState::CopyRemovals(const TieredNamespace& n, const std::vector<uint32_t>& slots) {
  if (slots.empty()) return;
  CloseBlock();
  AddRemovals(n, slots, &next_);
}

void TieredState::CloseBlock() {
  if (open_ == nullptr) return;
  next_.EndEntries();
  open_ = nullptr;
}

bool TieredState::CopyFrozen(int64_t entries) {
  if (!copying_for_) return true;
  if (!CopyOn(entries)) return false;
  FinishDelta();
  return true;
}

void TieredState::FinishCopy() { CopyFrozen(kAllEntries); }

void TieredState::FinishDelta() {
  last_delta_bytes_ = cut_bytes_ + next_.size();
  AddPart();
  cut_bytes_ = 0;
  chain_->FinishDelta(*copying_for_);
  copying_for_.reset();
}

void TieredState::CutDirty() {
  FinishCopy();
  BeginCut();
  CopyOn(kAllEntries);
}

}  // namespace weir::taskmanager
