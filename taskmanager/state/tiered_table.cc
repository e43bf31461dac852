#include "taskmanager/state/tiered_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/state/tiered_state.h"

namespace weir::taskmanager {
namespace {

// Cursors of a scan: below this, a slot; from it on, the store.
constexpr uint64_t kStoreCursor = uint64_t{1} << 63;
constexpr int64_t kMaxPage = 64 << 10;

absl::Status DamagedEntry(const TableSpec& spec) {
  return absl::DataLossError(absl::StrCat("the local database holds an entry of table '", spec.name,
                                          "' that is no entry; the attempt must restore"));
}

}  // namespace

TieredNamespace::TieredNamespace(TieredState* state, const TableSpec* spec, NamespaceId ns)
    : state_(state),
      spec_(spec),
      ns_(ns),
      entries_(static_cast<uint32_t>(spec->value_width), spec->has_text) {}

TieredNamespace::~TieredNamespace() {
  state_->table_bytes_ -= accounted_bytes_;
  state_->filter_bytes_ -= accounted_filter_;
  state_->dirty_bytes_ -= accounted_dirty_;
}

void TieredNamespace::Account() {
  const int64_t filter = filter_.memory_bytes();
  const int64_t bytes = entries_.memory_bytes() - entries_.free_bytes() + filter;
  state_->filter_bytes_ += filter - accounted_filter_;
  accounted_filter_ = filter;
  if (bytes != accounted_bytes_) {
    state_->table_bytes_ += bytes - accounted_bytes_;
    accounted_bytes_ = bytes;
    entry_bytes_ = entries_.EntryBytes();
  }
  AccountDirty();
}

void TieredNamespace::AccountDirty() {
  const int64_t bytes = (int64_t{entries_.dirty()} + entries_.frozen()) * entry_bytes_;
  state_->dirty_bytes_ += bytes - accounted_dirty_;
  accounted_dirty_ = bytes;
}

void TieredNamespace::CopyTouched() {
  if (entries_.touched().empty() && entries_.touched_removed().empty()) return;
  state_->CopyTouched(*this);
  entries_.ClearTouched();
}

absl::Status TieredNamespace::FindOrInsert(const batch::KeyBatch& keys,
                                           const batch::KeyBatch* subkeys, const uint32_t* rows,
                                           int64_t count, uint32_t* slots, uint8_t* inserted) {
  RETURN_IF_ERROR(Prepare(count));
  entries_.FindOrInsert(keys, subkeys, rows, count, state_->options_.max_parallelism, slots, &made_,
                        &revived_);
  CopyTouched();
  if (inserted != nullptr) {
    std::memset(inserted, 0, static_cast<size_t>(count));
    for (uint32_t i : made_) inserted[i] = 1;
    for (uint32_t i : revived_) inserted[i] = 1;
  }
  if (made_.empty()) {
    AccountDirty();
    return absl::OkStatus();
  }
  Account();
  if (!on_disk_) return absl::OkStatus();
  return AskStore(keys, subkeys, rows, [&](uint32_t i, std::string_view value) {
    if (inserted != nullptr) inserted[i] = 0;
    return FillFromStore(slots[i], value);
  });
}

absl::Status TieredNamespace::Prepare(int64_t rows) {
  scanning_ = false;
  cold_scan_.reset();
  const int64_t growth = entries_.GrowthBytes(static_cast<size_t>(rows));
  if (state_->OverBudget(growth)) RETURN_IF_ERROR(state_->Spill(growth));
  if (entries_.Sparse()) Pack();
  state_->DumpBetweenBarriers(rows);
  last_used_ = state_->NextUse();
  made_.clear();
  revived_.clear();
  return absl::OkStatus();
}

void TieredNamespace::Pack() {
  state_->CopyAllOf(*this);
  entries_.Retain([](uint32_t) { return true; });
  hand_ = 0;
  state_->OnSlotsMoved(spec_->name, ns_);
  Account();
}

absl::Status TieredNamespace::Find(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys,
                                   const uint32_t* rows, int64_t count, uint32_t* slots) {
  RETURN_IF_ERROR(Prepare(count));
  entries_.FindAll(keys, subkeys, rows, count, slots, &made_);
  CopyTouched();
  if (!on_disk_ || made_.empty()) return absl::OkStatus();
  return AskStore(keys, subkeys, rows, [&](uint32_t i, std::string_view value) {
    const uint32_t row = rows[i];
    const std::string_view subkey = subkeys != nullptr ? subkeys->key(row) : std::string_view();
    slots[i] = entries_.FindOrAdd(keys.key(row), subkey, EntryTable::HashOf(keys.hashes[row], subkey),
                                  batch::KeyGroupOf(keys.hashes[row], state_->options_.max_parallelism));
    return FillFromStore(slots[i], value);
  });
}

absl::Status TieredNamespace::AskStore(
    const batch::KeyBatch& keys, const batch::KeyBatch* subkeys, const uint32_t* rows,
    const std::function<absl::Status(uint32_t i, std::string_view value)>& found) {
  constexpr size_t kAhead = 16;
  const auto subkey = [&](uint32_t row) { return subkeys != nullptr ? subkeys->key(row) : std::string_view(); };
  const auto hash = [&](size_t m) {
    const uint32_t row = rows[made_[m]];
    return EntryTable::HashOf(keys.hashes[row], subkey(row));
  };
  ColdBatch& asked = state_->asked_;
  asked.Begin(spec_->name, ns_);
  size_t kept = 0;
  for (size_t m = 0; m < made_.size(); ++m) {
    if (m + kAhead < made_.size()) filter_.Prefetch(hash(m + kAhead));
    if (!filter_.MayHave(hash(m))) continue;
    const uint32_t row = rows[made_[m]];
    asked.AddKey(batch::KeyGroupOf(keys.hashes[row], state_->options_.max_parallelism), keys.key(row), subkey(row));
    made_[kept++] = made_[m];
  }
  if (kept == 0) return absl::OkStatus();
  asked.Sort();
  RETURN_IF_ERROR(state_->store_->MultiGet(
      asked, [&](size_t k, std::string_view value) { return found(made_[asked.number(k)], value); }));
  Account();
  return absl::OkStatus();
}

absl::Status TieredNamespace::FillFromStore(uint32_t slot, std::string_view bytes) {
  const auto width = static_cast<size_t>(spec_->value_width);
  if (bytes.size() < width) return DamagedEntry(*spec_);
  std::memcpy(entries_.value(slot), bytes.data(), width);
  if (spec_->has_text) entries_.set_text(slot, bytes.substr(width));
  uint16_t flags = EntryTable::kReferenced | EntryTable::kPersisted | EntryTable::kStored;
  // One that is marked already is about to be changed.
  if ((entries_.flags(slot) & EntryTable::kDirty) == 0) flags |= EntryTable::kAsStored;
  entries_.add_flags(slot, flags);
  return absl::OkStatus();
}

void TieredNamespace::MarkChanged(const uint32_t* slots, int64_t count) {
  for (int64_t i = 0; i < count; ++i) entries_.MarkChanged(slots[i]);
  CopyTouched();
  AccountDirty();
}

void TieredNamespace::Remove(const uint32_t* slots, int64_t count) {
  scanning_ = false;
  for (int64_t i = 0; i < count; ++i) entries_.Touch(slots[i]);
  CopyTouched();
  for (int64_t i = 0; i < count; ++i) entries_.Remove(slots[i]);
  Account();
}

void TieredNamespace::set_text(uint32_t slot, std::string_view text) {
  entries_.set_text(slot, text);
  Account();
}

uint32_t TieredNamespace::ScanMemory(uint32_t from, int64_t limit, Page* page) const {
  uint32_t slot = from;
  for (; slot < entries_.slots() && static_cast<int64_t>(page->keys.size()) < limit; ++slot) {
    if (slot + 8 < entries_.slots()) entries_.Prefetch(slot + 8);
    if (!entries_.HasEntry(slot)) continue;
    page->keys.push_back(entries_.key(slot));
    page->subkeys.push_back(entries_.subkey(slot));
    page->values.push_back(entries_.value(slot));
    if (spec_->has_text) page->texts.push_back(entries_.text(slot));
  }
  return slot;
}

absl::Status TieredNamespace::Scan(uint64_t* cursor, int64_t limit, Page* page) {
  page->keys.clear();
  page->subkeys.clear();
  page->values.clear();
  page->texts.clear();
  page->last = false;
  limit = std::min(limit, kMaxPage);
  last_used_ = state_->NextUse();
  if (*cursor == 0) {
    cold_scan_.reset();
    scanning_ = true;
  } else if (!scanning_) {
    return absl::InternalError(
        absl::StrCat("a scan of state table '", spec_->name, "' goes on after it was ended"));
  }
  if (*cursor < kStoreCursor) {
    const auto from = static_cast<uint32_t>(*cursor);
    const uint32_t to = ScanMemory(from, limit, page);
    *cursor = to;
    if (to == entries_.slots() && on_disk_) {
      *cursor = kStoreCursor;
    } else if (to == entries_.slots()) {
      page->last = true;
      scanning_ = false;
    }
    if (!page->keys.empty() || page->last) return absl::OkStatus();
  }
  if (cold_scan_ == nullptr) {
    cold_scan_ = std::make_unique<ColdScan>();
    cold_scan_->cursor = state_->store_->NewCursor();
    cold_scan_->group = state_->options_.range.begin;
  } else if (*cursor != kStoreCursor + cold_scan_->pages) {
    return absl::InternalError(
        absl::StrCat("two scans of state table '", spec_->name, "' at a time"));
  }
  RETURN_IF_ERROR(ScanStore(limit, page));
  *cursor = kStoreCursor + ++cold_scan_->pages;
  // The page's views point into cold_scan_: it stays until the next call.
  if (page->last) scanning_ = false;
  return absl::OkStatus();
}

absl::Status TieredNamespace::ScanStore(int64_t limit, Page* page) {
  ColdScan& scan = *cold_scan_;
  const auto width = static_cast<size_t>(spec_->value_width);
  scan.keys.clear();
  scan.values.clear();
  // Strings must not move while views point into them.
  scan.keys.reserve(static_cast<size_t>(limit));
  OrderedStore::Cursor& at = *scan.cursor;
  while (static_cast<int64_t>(page->keys.size()) < limit) {
    if (scan.group >= state_->options_.range.end) {
      page->last = true;
      return at.status();
    }
    const std::string prefix = NamespacePrefix(scan.group, spec_->name, ns_);
    if (!scan.in_group) {
      at.Seek(prefix);
      scan.in_group = true;
    }
    if (!at.Valid() || !at.key().starts_with(prefix)) {
      RETURN_IF_ERROR(at.status());
      ++scan.group;
      scan.in_group = false;
      continue;
    }
    ColdKey key;
    if (!DecodeColdKey(at.key(), &key) || at.value().size() < width) return DamagedEntry(*spec_);
    // What is in memory has been seen, and is newer; or it says that the entry is removed.
    if (entries_.Find(key.key, key.subkey,
                      EntryTable::HashOf(batch::HashKey(key.key), key.subkey)) < 0) {
      scan.keys.emplace_back(at.key());
      DecodeColdKey(scan.keys.back(), &key);
      const std::string_view bytes = at.value();
      scan.values.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes.size() + 1));
      std::memcpy(scan.values.back().get(), bytes.data(), bytes.size());
      page->keys.push_back(key.key);
      page->subkeys.push_back(key.subkey);
      page->values.push_back(scan.values.back().get());
      if (spec_->has_text) {
        page->texts.emplace_back(reinterpret_cast<const char*>(scan.values.back().get()) + width,
                                 bytes.size() - width);
      }
    }
    at.Next();
  }
  return absl::OkStatus();
}

TieredNamespace& TieredTable::OpenTiered(NamespaceId ns) {
  std::unique_ptr<TieredNamespace>& slot = namespaces_[ns];
  if (slot == nullptr) slot = std::make_unique<TieredNamespace>(state_, &spec_, ns);
  return *slot;
}

NamespaceTable* TieredTable::Find(NamespaceId ns) {
  auto it = namespaces_.find(ns);
  return it == namespaces_.end() || !it->second->HasEntries() ? nullptr : it->second.get();
}

void TieredTable::Drop(NamespaceId ns) {
  auto it = namespaces_.find(ns);
  if (it == namespaces_.end()) return;
  state_->OnDrop(spec_.name, *it->second);
  namespaces_.erase(it);
}

std::vector<NamespaceId> TieredTable::Namespaces() const {
  std::vector<NamespaceId> ids;
  for (const auto& [ns, entries] : namespaces_) {
    if (entries->HasEntries()) ids.push_back(ns);
  }
  return ids;
}

}  // namespace weir::taskmanager
