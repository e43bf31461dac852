#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/state/tiered_state.h"

// How TieredState keeps within its memory.
namespace weir::taskmanager {
namespace {

// Entries are given to the store in the order of their keys, a part of the budget at a time: the larger the batches, the
// less there is to be merged.
constexpr int64_t kLeavingShare = 16;
constexpr int64_t kLeastLeaving = 64 << 10;
constexpr int64_t kMostLeaving = 256 << 20;  // a ColdBatch has room for 4 GiB
// Rows whose memory is asked for ahead.
constexpr size_t kAhead = 16;
// Of the budget, for knowing what is in the store.
constexpr int64_t kFilterShare = 8;

}  // namespace

absl::Status TieredState::OpenStore() {
  if (store_ != nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string folder, stores_->NewFolder());
  ASSIGN_OR_RETURN(store_, stores_->Open(folder));
  return absl::OkStatus();
}

absl::Status TieredState::WriteLayout(const TableSpec& spec) {
  bool& written = layouts_written_[spec.name];
  if (written) return absl::OkStatus();
  ColdBatch layout;
  layout.AddRaw(LayoutKey(spec.name), EncodeLayout(spec));
  RETURN_IF_ERROR(store_->Write(layout));
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
  const auto most_leaving =
      static_cast<size_t>(std::clamp(options_.memory_budget_bytes / kLeavingShare, kLeastLeaving, kMostLeaving));
  Leaving leaving;
  leaving.batch.Begin(n.spec_->name, n.ns_);
  uint32_t gone = 0;
  for (uint32_t step = 0; step < slots && gone < limit; ++step) {
    const uint32_t slot = n.hand_ < slots ? n.hand_ : 0;
    n.hand_ = slot + 1;
    if (slot + kAhead < slots) entries.Prefetch(slot + kAhead);
    const uint16_t flags = entries.flags(slot);
    if ((flags & EntryTable::kFree) != 0) continue;
    if (clean_and_cold_only && (flags & kStays) != 0) {
      entries.clear_flags(slot, EntryTable::kReferenced);
      continue;
    }
    ++gone;
    AddLeaving(n, slot, &leaving);
    if (leaving.batch.bytes() < most_leaving) continue;
    RETURN_IF_ERROR(MoveToStore(n, &leaving));
  }
  RETURN_IF_ERROR(MoveToStore(n, &leaving));
  n.Account();
  // Free rows serve this namespace only.
  if (entries.free_bytes() > entries.memory_bytes() / 4) n.Pack();
  return absl::OkStatus();
}

void TieredState::AddLeaving(TieredNamespace& n, uint32_t slot, Leaving* leaving) {
  EntryTable& entries = n.entries_;
  const std::string_view key = entries.key(slot), subkey = entries.subkey(slot);
  leaving->slots.push_back(slot);
  leaving->hashes.push_back(EntryTable::HashOf(batch::HashKey(key), subkey));
  const uint16_t flags = entries.flags(slot);
  if ((flags & EntryTable::kRemoved) != 0) {
    leaving->batch.AddKey(entries.key_group(slot), key, subkey);
  } else if ((flags & EntryTable::kAsStored) == 0) {
    leaving->batch.AddEntry(entries.key_group(slot), key, subkey, entries.value(slot),
                            static_cast<size_t>(n.spec_->value_width),
                            n.spec_->has_text ? entries.text(slot) : std::string_view());
    n.on_disk_ = true;
  }
}

size_t TieredState::FilterRoom(const TieredNamespace& n) const {
  const int64_t others = filter_bytes_ - n.filter_.memory_bytes();
  return static_cast<size_t>(std::max<int64_t>(options_.memory_budget_bytes / kFilterShare - others, 0));
}

absl::Status TieredState::MoveToStore(TieredNamespace& n, Leaving* leaving) {
  EntryTable& entries = n.entries_;
  leaving->batch.Sort();
  RETURN_IF_ERROR(store_->Write(leaving->batch));
  const size_t count = leaving->slots.size();
  const size_t most = FilterRoom(n);
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) {
      entries.PrefetchCell(leaving->hashes[i + kAhead]);
      n.filter_.Prefetch(leaving->hashes[i + kAhead]);
    }
    n.filter_.Add(leaving->hashes[i], size_t{2} * entries.slots(), most);
    entries.Erase(leaving->slots[i], leaving->hashes[i]);
  }
  n.Account();
  leaving->slots.clear();
  leaving->hashes.clear();
  leaving->batch.Begin(n.spec_->name, n.ns_);
  return absl::OkStatus();
}

absl::Status TieredState::WriteDeltasAhead() {
  const int64_t budget = options_.memory_budget_bytes;
  if (dump_.has_value()) AddBasePart(frozen_);
  absl::Status status = chain_->WriteAhead(budget / 4);
  if (status.ok()) {
    CutDirty();
    AddPart();
    status = chain_->WriteAhead(budget / 4);
  }
  if (!absl::IsUnavailable(status) && !absl::IsResourceExhausted(status)) return status;
  // The storage may be back soon; until then there is less room for entries.
  if (DeltaBytes() <= budget / 2) return absl::OkStatus();
  return Annotate(status, absl::StrCat("state changes of ", DeltaBytes() >> 20, " MiB cannot be written, and of a budget of ",
                                       budget >> 20, " MiB no more is kept for them"));
}

absl::Status TieredState::Spill(int64_t more) {
  const int64_t budget = options_.memory_budget_bytes, step = budget / 16;
  chain_->KeepSpare(0);
  FinishCopy();
  if (DeltaBytes() > budget / 4) RETURN_IF_ERROR(WriteDeltasAhead());
  if (stores_ != nullptr) RETURN_IF_ERROR(EvictTo(std::max(budget - step - more - DeltaBytes(), budget / 4)));
  spill_at_ = std::max(budget, table_bytes_ + DeltaBytes() + more + step);
  return absl::OkStatus();
}

absl::Status TieredState::EvictTo(int64_t target) {
  if (table_bytes_ <= target) return absl::OkStatus();
  if (chain_->StoreMustStand()) RETURN_IF_ERROR(chain_->FreeStore());
  RETURN_IF_ERROR(OpenStore());
  RETURN_IF_ERROR(ApplyDrops());
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
    if (table_bytes_ <= target) return absl::OkStatus();
    RETURN_IF_ERROR(Evict(*entries, /*clean_and_cold_only=*/true, table_bytes_ - target));
  }
  if (table_bytes_ <= target) return absl::OkStatus();
  // The rest changed since the last barrier: its part of the next delta is cut now, so that it
  // may go.
  CutDirty();
  for (TieredNamespace* entries : coldest) {
    if (table_bytes_ <= target) break;
    if (entries->entries_.slots() == 0) continue;
    RETURN_IF_ERROR(Evict(*entries, /*clean_and_cold_only=*/false, table_bytes_ - target));
  }
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
