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

TieredNamespace::~TieredNamespace() { state_->table_bytes_ -= accounted_bytes_; }

void TieredNamespace::Account() {
  const int64_t bytes = entries_.memory_bytes();
  state_->table_bytes_ += bytes - accounted_bytes_;
  accounted_bytes_ = bytes;
}

absl::Status TieredNamespace::FindOrInsert(const batch::KeyBatch& keys,
                                           const batch::KeyBatch* subkeys, const uint32_t* rows,
                                           int64_t count, uint32_t* slots, uint8_t* inserted) {
  scanning_ = false;
  cold_scan_.reset();
  if (state_->OverBudget()) RETURN_IF_ERROR(state_->Spill());
  last_used_ = state_->NextUse();
  made_.clear();
  entries_.FindOrInsert(keys, subkeys, rows, count, state_->options_.max_parallelism, slots,
                        &made_);
  if (inserted != nullptr) {
    std::memset(inserted, 0, static_cast<size_t>(count));
    for (uint32_t i : made_) inserted[i] = 1;
  }
  if (made_.empty()) return absl::OkStatus();
  Account();
  return on_disk_ ? LoadFromStore(slots, inserted) : absl::OkStatus();
}

absl::Status TieredNamespace::LoadFromStore(const uint32_t* slots, uint8_t* inserted) {
  std::vector<std::string> cold_keys;
  cold_keys.reserve(made_.size());
  for (uint32_t i : made_) {
    const uint32_t slot = slots[i];
    cold_keys.push_back(EncodeColdKey({.key_group = entries_.key_group(slot),
                                       .table = spec_->name,
                                       .ns = ns_,
                                       .key = entries_.key(slot),
                                       .subkey = entries_.subkey(slot)}));
  }
  std::vector<std::optional<std::string>> values;
  RETURN_IF_ERROR(state_->store_->MultiGet(cold_keys, &values));
  const auto width = static_cast<size_t>(spec_->value_width);
  for (size_t m = 0; m < made_.size(); ++m) {
    if (!values[m].has_value()) continue;
    const std::string& bytes = *values[m];
    if (bytes.size() < width) return DamagedEntry(*spec_);
    const uint32_t slot = slots[made_[m]];
    std::memcpy(entries_.value(slot), bytes.data(), width);
    if (spec_->has_text) entries_.set_text(slot, std::string_view(bytes).substr(width));
    if (inserted != nullptr) inserted[made_[m]] = 0;
  }
  Account();
  return absl::OkStatus();
}

void TieredNamespace::set_text(uint32_t slot, std::string_view text) {
  entries_.set_text(slot, text);
  Account();
}

void TieredNamespace::ScanMemory(uint32_t from, uint32_t to, Page* page) const {
  for (uint32_t slot = from; slot < to; ++slot) {
    if (slot + 8 < to) entries_.Prefetch(slot + 8);
    page->keys.push_back(entries_.key(slot));
    page->subkeys.push_back(entries_.subkey(slot));
    page->values.push_back(entries_.value(slot));
    if (spec_->has_text) page->texts.push_back(entries_.text(slot));
  }
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
    const auto to = static_cast<uint32_t>(std::min<int64_t>(entries_.size(), from + limit));
    ScanMemory(from, to, page);
    *cursor = to;
    if (to == entries_.size() && on_disk_) {
      *cursor = kStoreCursor;
    } else if (to == entries_.size()) {
      page->last = true;
      scanning_ = false;
    }
    if (to > from || page->last) return absl::OkStatus();
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
    // What is in memory has been seen, and is newer.
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
