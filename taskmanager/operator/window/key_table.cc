#include "taskmanager/operator/window/key_table.h"

#include <algorithm>

namespace weir::taskmanager {

void KeyTable::Rehash(size_t cells) {
  cells_.assign(cells, Cell{});
  mask_ = cells - 1;
  for (size_t e = 0; e < hashes_.size(); ++e) {
    size_t at = hashes_[e] & mask_;
    while (cells_[at].entry != 0) at = (at + 1) & mask_;
    cells_[at] = {static_cast<uint32_t>(hashes_[e] >> 32), static_cast<uint32_t>(e) + 1};
  }
}

uint32_t KeyTable::FindOrInsert(std::string_view key_bytes, uint64_t hash, bool* inserted) {
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t at = hash & mask_;
  for (; cells_[at].entry != 0; at = (at + 1) & mask_) {
    if (cells_[at].tag == tag && key(cells_[at].entry - 1) == key_bytes) {
      if (inserted != nullptr) *inserted = false;
      return cells_[at].entry - 1;
    }
  }
  const auto entry = static_cast<uint32_t>(hashes_.size());
  hashes_.push_back(hash);
  rows_.resize(rows_.size() + width_);
  keys_.append(key_bytes);
  key_ends_.push_back(static_cast<uint32_t>(keys_.size()));
  cells_[at] = {tag, entry + 1};
  if (hashes_.size() * 2 > cells_.size()) Rehash(cells_.size() * 2);
  if (inserted != nullptr) *inserted = true;
  return entry;
}

void KeyTable::FindOrInsert(const batch::KeyBatch& keys, const uint32_t* rows, int64_t count, uint32_t* entries) {
  constexpr int64_t kAhead = 16;
  for (int64_t i = 0; i < std::min(kAhead, count); ++i) weir::Prefetch(&cells_[keys.hashes[rows[i]] & mask_]);
  for (int64_t i = 0; i < count; ++i) {
    if (i + kAhead < count) weir::Prefetch(&cells_[keys.hashes[rows[i + kAhead]] & mask_]);
    entries[i] = FindOrInsert(keys.key(rows[i]), keys.hashes[rows[i]]);
  }
}

void KeyTable::HashAll(const std::vector<std::string_view>& keys, std::vector<uint64_t>* hashes) const {
  hashes->resize(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    (*hashes)[i] = batch::HashKey(keys[i]);
    weir::Prefetch(&cells_[(*hashes)[i] & mask_]);
  }
}

void KeyTable::Clear() {
  hashes_.clear();
  rows_.clear();
  keys_.clear();
  key_ends_.assign(1, 0);
  std::fill(cells_.begin(), cells_.end(), Cell{});
}

}  // namespace weir::taskmanager
