#include "taskmanager/state/entry_table.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace weir::taskmanager {
namespace {

constexpr uint32_t kFirstRows = 16;
// A row's cell is asked for this long before its entry's row, and that this long before it is read: cache misses overlap.
constexpr int64_t kAhead = 8;
constexpr int64_t kReserved = 32;  // cells made sure of at a time
constexpr size_t kMinCells = 64;
constexpr size_t kLargeIndex = size_t{1} << 20;
constexpr size_t kArenaBlock = 32 << 10;
constexpr uint32_t kGivenBackEach = 1 << 16;  // rows
constexpr uint32_t kSparseSlots = 1024;
constexpr size_t kSparseArena = 1 << 20;

}  // namespace

EntryTable::EntryTable(uint32_t value_width, bool has_text)
    : value_width_(value_width), has_text_(has_text) {
  LayOutRows(0);
}

void EntryTable::LayOutRows(size_t key_bytes) {
  room_ = EntryRow::RoomFor(key_bytes);
  value_offset_ = EntryRow::ValueOffset(room_) + (has_text_ ? sizeof(Text) : 0);
  const size_t alignment = value_width_ >= 16 || has_text_ ? 16 : 8;
  stride_ = (value_offset_ + value_width_ + alignment - 1) / alignment * alignment;
  // Rows of 48 bytes on would lie in two lines too often.
  if (stride_ > kCacheLine / 2 && stride_ <= kCacheLine && kCacheLine - stride_ <= stride_ / 3) stride_ = kCacheLine;
}

char* EntryTable::Allocate(size_t bytes) {
  if (bytes > arena_left_) {
    const size_t block =
        std::max(bytes, std::min(kArenaBlock, std::max<size_t>(1024, arena_bytes_)));
    arena_.push_back(std::make_unique_for_overwrite<char[]>(block));
    arena_bytes_ += block;
    arena_next_ = arena_.back().get();
    arena_left_ = block;
  }
  char* p = arena_next_;
  arena_next_ += bytes;
  arena_left_ -= bytes;
  return p;
}

int EntryTable::TextClassOf(size_t bytes) {
  int size_class = 0;
  while (TextClassBytes(size_class) < bytes) ++size_class;
  return size_class;
}

char* EntryTable::AllocateText(int size_class) {
  char*& free = free_texts_[static_cast<size_t>(size_class)];
  if (free == nullptr) return Allocate(TextClassBytes(size_class));
  char* const taken = free;
  std::memcpy(&free, taken, sizeof(free));
  arena_dead_ -= TextClassBytes(size_class);
  return taken;
}

void EntryTable::FreeText(char* data, size_t capacity) {
  char*& free = free_texts_[static_cast<size_t>(TextClassOf(capacity))];
  std::memcpy(data, &free, sizeof(free));
  free = data;
  arena_dead_ += capacity;
}

void EntryTable::set_text(uint32_t slot, std::string_view text) {
  Text* t = TextOf(slot);
  if (text.size() > t->capacity) {
    // What a text leaves behind as it grows is taken by the next one of that size.
    if (t->capacity > 0) FreeText(const_cast<char*>(t->data), t->capacity);
    const int size_class = TextClassOf(text.size());
    t->data = AllocateText(size_class);
    t->capacity = static_cast<uint32_t>(TextClassBytes(size_class));
  }
  if (!text.empty()) std::memmove(const_cast<char*>(t->data), text.data(), text.size());
  t->size = static_cast<uint32_t>(text.size());
}

uint32_t EntryTable::NewSlot() {
  const uint32_t slot = slots_++;
  if (const size_t bytes = size_t{slots_} * stride_; bytes > rows_.size()) rows_.Grow(std::max(bytes, kFirstRows * stride_));
  std::memset(Row(slot), 0, stride_);
  return slot;
}

uint32_t EntryTable::NewRow(std::string_view key, std::string_view subkey) {
  uint32_t slot;
  if (free_.empty()) {
    slot = NewSlot();
  } else {
    // The text's place and the mark of being one of the changes stay with the row.
    slot = free_.back();
    free_.pop_back();
    if ((flags(slot) & frozen_bit()) != 0) --frozen_.count;
    clear_flags(slot, kFree | frozen_bit());
    std::memset(value(slot), 0, value_width_);
  }
  const size_t outside = EntryRow::OutsideBytes(key.size() + subkey.size(), room_);
  RowOf(slot)->SetKey(key, subkey, outside > 0 ? Allocate(outside) : nullptr);
  return slot;
}

size_t EntryTable::CellsFor(size_t more) const {
  const size_t entries = slots_ - free_.size() + more;
  size_t cells = cells_;
  // At most half of them are full: a search that does not end with the first cell costs a mispredicted branch. Large ones grow in
  // smaller steps: a budget is to hold the next index too.
  while (entries * 2 > cells) cells = cells < kMinCells ? kMinCells : cells < kLargeIndex ? cells * 2 : cells / 4 * 5;
  return cells;
}

void EntryTable::ReserveIndex(size_t more) {
  const size_t cells = CellsFor(more);
  if (cells == cells_) return;
  const EntryMemory old = std::move(index_memory_);
  const uint64_t* old_cells = index_;
  const size_t old_count = cells_;
  index_memory_ = AllocateEntries(cells * sizeof(uint64_t));
  index_ = reinterpret_cast<uint64_t*>(index_memory_.get());
  std::memset(index_, 0, cells * sizeof(uint64_t));
  cells_ = cells;
  // The cell follows from the stored hash bits: no row is read.
  for (size_t c = 0; c < old_count; ++c) {
    const uint64_t cell = old_cells[c];
    if (cell == 0) continue;
    size_t i = CellOf(cell);
    while (index_[i] != 0) i = After(i);
    index_[i] = cell;
  }
}

uint32_t EntryTable::FindOrAddAt(std::string_view key, std::string_view subkey, uint64_t hash,
                                 bool* made) {
  const uint64_t tag = hash >> 32;
  for (size_t i = CellOf(hash);; i = After(i)) {
    const uint64_t cell = index_[i];
    if (cell == 0) {
      const uint32_t slot = NewRow(key, subkey);
      index_[i] = tag << 32 | (uint64_t{slot} + 1);
      *made = true;
      return slot;
    }
    if (cell >> 32 == tag) {
      const uint32_t slot = static_cast<uint32_t>(cell) - 1;
      if (RowOf(slot)->Equal(key, subkey, room_)) return slot;
    }
  }
}

template <typename Probe>
void EntryTable::ProbeAll(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys, const uint32_t* rows,
                          int64_t count, Probe probe) {
  constexpr int64_t kRing = 4 * kAhead;
  uint64_t hashes[kRing];
  uint32_t candidates[kRing];
  for (int64_t i = 0; i < count + 2 * kAhead; ++i) {
    if (i < count) {
      hashes[i % kRing] = HashOfRow(keys, subkeys, rows[i]);
      PrefetchCell(hashes[i % kRing]);
    }
    const int64_t next = i - kAhead, now = next - kAhead;
    if (next >= 0 && next < count) {
      const uint32_t candidate = Candidate(hashes[next % kRing]);
      candidates[next % kRing] = candidate;
      if (candidate != kNoSlot) Prefetch(candidate);
    }
    if (now >= 0) probe(now, hashes[now % kRing], candidates[now % kRing]);
  }
}

void EntryTable::FindOrInsert(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys,
                              const uint32_t* rows, int64_t count, int max_parallelism,
                              uint32_t* slots, std::vector<uint32_t>* made,
                              std::vector<uint32_t>* revived) {
  if (slots_ == 0) {
    size_t longest = 0;
    for (int64_t i = 0; i < count; ++i) {
      longest = std::max(longest, keys.key(rows[i]).size() + (subkeys != nullptr ? subkeys->key(rows[i]).size() : 0));
    }
    LayOutRows(longest);
  }
  ReserveIndex(static_cast<size_t>(std::min(kReserved, count)));
  ProbeAll(keys, subkeys, rows, count, [&](int64_t i, uint64_t hash, uint32_t slot) {
    if (i % kReserved == 0) ReserveIndex(static_cast<size_t>(std::min(kReserved, count - i)));
    const uint32_t row = rows[i];
    const std::string_view key = keys.key(row), subkey = subkeys != nullptr ? subkeys->key(row) : std::string_view();
    bool is_new = false;
    if (slot == kNoSlot || !RowOf(slot)->Equal(key, subkey, room_)) slot = FindOrAddAt(key, subkey, hash, &is_new);
    if (is_new) {
      RowOf(slot)->key_group = batch::KeyGroupOf(keys.hashes[row], max_parallelism);
      made->push_back(static_cast<uint32_t>(i));
    } else if ((flags(slot) & kRemoved) != 0) {
      Touch(slot);
      clear_flags(slot, kRemoved);
      --removed_;
      std::memset(value(slot), 0, value_width_);
      revived->push_back(static_cast<uint32_t>(i));
    }
    Mark(slot);
    slots[i] = slot;
  });
}

void EntryTable::FindAll(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys,
                         const uint32_t* rows, int64_t count, uint32_t* slots,
                         std::vector<uint32_t>* absent) {
  if (cells_ == 0) {
    for (int64_t i = 0; i < count; ++i) absent->push_back(static_cast<uint32_t>(i));
    std::fill(slots, slots + count, kNoSlot);
    return;
  }
  ProbeAll(keys, subkeys, rows, count, [&](int64_t i, uint64_t hash, uint32_t slot) {
    const uint32_t row = rows[i];
    const std::string_view key = keys.key(row), subkey = subkeys != nullptr ? subkeys->key(row) : std::string_view();
    if (slot != kNoSlot && !RowOf(slot)->Equal(key, subkey, room_)) {
      const int64_t found = Find(key, subkey, hash);
      slot = found < 0 ? kNoSlot : static_cast<uint32_t>(found);
    }
    slots[i] = kNoSlot;
    if (slot == kNoSlot) {
      absent->push_back(static_cast<uint32_t>(i));
      return;
    }
    if ((flags(slot) & kRemoved) != 0) return;
    Touch(slot);
    add_flags(slot, kReferenced);
    slots[i] = slot;
  });
}

void EntryTable::Remove(uint32_t slot) {
  if ((flags(slot) & (kPersisted | kStored)) == 0) return Erase(slot);
  Mark(slot);
  clear_flags(slot, kReferenced);
  add_flags(slot, kRemoved);
  ++removed_;
  if (has_text_) TextOf(slot)->size = 0;
}

void EntryTable::Erase(uint32_t slot, uint64_t hash) {
  Unlink(slot, hash);
  EntryRow* row = RowOf(slot);
  if ((row->flags & kRemoved) != 0) --removed_;
  arena_dead_ += EntryRow::OutsideBytes(row->key().size() + row->subkey().size(), room_);
  if (has_text_) TextOf(slot)->size = 0;
  row->flags = static_cast<uint16_t>((row->flags & kDirty) | kFree);
  free_.push_back(slot);
}

void EntryTable::Unlink(uint32_t slot, uint64_t hash) {
  size_t hole = CellOf(hash);
  while (static_cast<uint32_t>(index_[hole]) != slot + 1) hole = After(hole);
  // What follows moves up, unless it would come before the cell where its search begins.
  for (size_t i = After(hole); index_[i] != 0; i = After(i)) {
    if (Distance(CellOf(index_[i]), i) < Distance(hole, i)) continue;
    index_[hole] = index_[i];
    hole = i;
  }
  index_[hole] = 0;
}

bool EntryTable::Sparse() const {
  return (slots_ >= kSparseSlots && free_.size() > slots_ / 4 * 3) ||
         (arena_dead_ > kSparseArena && arena_dead_ > arena_bytes_ / 2);
}

uint32_t EntryTable::FindOrAdd(std::string_view key, std::string_view subkey, uint64_t hash,
                               uint16_t key_group) {
  if (slots_ == 0) LayOutRows(key.size() + subkey.size());
  ReserveIndex(1);
  bool made = false;
  const uint32_t slot = FindOrAddAt(key, subkey, hash, &made);
  RowOf(slot)->key_group = key_group;
  return slot;
}

int64_t EntryTable::Find(std::string_view key, std::string_view subkey, uint64_t hash) const {
  if (cells_ == 0) return -1;
  const uint64_t tag = hash >> 32;
  for (size_t i = CellOf(hash);; i = After(i)) {
    const uint64_t cell = index_[i];
    if (cell == 0) return -1;
    if (cell >> 32 != tag) continue;
    const uint32_t slot = static_cast<uint32_t>(cell) - 1;
    if (RowOf(slot)->Equal(key, subkey, room_)) return slot;
  }
}

void EntryTable::Freeze() {
  WEIR_CHECK(frozen_.count == 0);
  frozen_.slots.clear();
  std::swap(dirty_, frozen_);
  dirty_.listed = true;
  frozen_next_ = slots_;
  dirty_bit_ = frozen_bit();
}

int64_t EntryTable::TakeFrozen() {
  constexpr size_t kFrozenAhead = 24;
  uint32_t slot;
  if (frozen_.listed) {
    const size_t left = frozen_.slots.size();
    if (left > kFrozenAhead) Prefetch(frozen_.slots[left - 1 - kFrozenAhead]);
    slot = frozen_.slots.back();
    frozen_.slots.pop_back();
  } else {
    if (frozen_next_ > kFrozenAhead) Prefetch(frozen_next_ - 1 - kFrozenAhead);
    slot = --frozen_next_;
  }
  const uint16_t flags = this->flags(slot);
  if ((flags & frozen_bit()) == 0) return -1;
  clear_flags(slot, frozen_bit());
  --frozen_.count;
  return (flags & kFree) != 0 ? int64_t{-1} : slot;
}

void EntryTable::Retain(const std::function<bool(uint32_t slot)>& keep) {
  EntryTable kept(value_width_, has_text_);
  WEIR_CHECK(frozen_.count == 0);
  kept.LayOutRows(room_);
  kept.dirty_bit_ = dirty_bit_;
  // Both are never there in full: the index goes first, rows go as they are copied.
  index_memory_.reset();
  for (uint32_t slot = 0; slot < slots_; ++slot) {
    if (slot % kGivenBackEach == 0) rows_.GiveBackBefore(size_t{slot} * stride_);
    if ((flags(slot) & kFree) != 0 || !keep(slot)) continue;
    const uint64_t hash = HashOf(batch::HashKey(key(slot)), subkey(slot));
    kept.ReserveIndex(1);
    bool made = false;
    const uint32_t to = kept.FindOrAddAt(key(slot), subkey(slot), hash, &made);
    kept.RowOf(to)->key_group = key_group(slot);
    if (value_width_ > 0) std::memcpy(kept.value(to), value(slot), value_width_);
    if (has_text_) kept.set_text(to, text(slot));
    kept.RowOf(to)->flags = flags(slot);
    if (flags(slot) & kDirty) kept.dirty_.Add(to, false, kept.slots_);
    if (flags(slot) & kRemoved) ++kept.removed_;
  }
  *this = std::move(kept);
}

}  // namespace weir::taskmanager
