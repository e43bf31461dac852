#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "common/base/prefetch.h"
#include "common/batch/key.h"
#include "taskmanager/state/entry_memory.h"
#include "taskmanager/state/entry_row.h"
#include "taskmanager/state/keyed_state.h"

namespace weir::taskmanager {

/// A hash table from key and subkey to a row of fixed width, in memory.
///
/// Thread:  confined.
/// Shape:   open addressing over 8-byte cells (32 bits of the hash, slot + 1), probed for a batch at a time with
///          prefetches; rows lie in one piece of memory (a row's address is computed: a table of chunks would be read for each access,
///          and is not in the first caches), and keep their slots while it grows. A row is an EntryRow with room for keys like the
///          first ones, the text's place, and the value; of 48 to 64 bytes, in one cache line.
/// Source:  the layout follows Swiss tables (stored hash bits) and DuckDB's aggregate hash table (salt and row pointer).
class EntryTable {
 public:
  /// kDirty: the row is one of the changes, two bits: of those since the last Freeze, of the frozen. kPersisted: a delta or
  /// base may hold the entry. kStored: the store may. kRemoved: the entry is gone, and its row says so to deltas and over
  /// the store. kFree: no entry's row. kAsStored: the store has just this value.
  enum Flag : uint16_t { kDirty = 1 | 128, kReferenced = 2, kPersisted = 4, kStored = 8, kRemoved = 16, kFree = 32, kAsStored = 64 };

  EntryTable(uint32_t value_width, bool has_text);
  EntryTable(EntryTable&&) = default;  // only what is assigned to, or destroyed, is moved from
  EntryTable& operator=(EntryTable&&) = default;

  /// Hash of an entry. An empty subkey is none.
  static uint64_t HashOf(uint64_t key_hash, std::string_view subkey) {
    return subkey.empty() ? key_hash : Combine(key_hash, batch::HashKey(subkey));
  }

  /// Finds or makes the entries of rows[0..count), marks them dirty and referenced, and appends to
  /// `made` the i whose entry is new, to `revived` the i whose entry was removed (its value is zero
  /// in both).
  void FindOrInsert(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys,
                    const uint32_t* rows, int64_t count, int max_parallelism, uint32_t* slots,
                    std::vector<uint32_t>* made, std::vector<uint32_t>* revived);
  /// Finds, and marks referenced. Removed and absent ones are kNoSlot; `absent` gets the i of those
  /// that have no row.
  void FindAll(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys, const uint32_t* rows,
               int64_t count, uint32_t* slots, std::vector<uint32_t>* absent);
  /// Finds or makes one, without marks. `hash` is HashOf.
  uint32_t FindOrAdd(std::string_view key, std::string_view subkey, uint64_t hash,
                     uint16_t key_group);
  /// Slot, also of a removed one; or -1.
  int64_t Find(std::string_view key, std::string_view subkey, uint64_t hash) const;

  /// Removes the entry. Its row stays, marked dirty and removed, if a delta or the store may hold it.
  void Remove(uint32_t slot);
  /// Frees the row, whatever its marks; no trace is left.
  void Erase(uint32_t slot) { Erase(slot, HashOf(batch::HashKey(key(slot)), subkey(slot))); }
  /// `hash` is HashOf.
  void Erase(uint32_t slot, uint64_t hash);
  void MarkChanged(uint32_t slot) { Mark(slot); }

  /// Entries there are.
  uint32_t size() const { return slots_ - removed_ - static_cast<uint32_t>(free_.size()); }
  /// Slots lie in [0, slots()): entries, removed ones and free rows.
  uint32_t slots() const { return slots_; }
  uint32_t removed() const { return removed_; }
  /// Of memory_bytes: rows that new entries take first.
  int64_t free_bytes() const { return static_cast<int64_t>(free_.size() * stride_); }
  bool HasEntry(uint32_t slot) const { return (flags(slot) & (kRemoved | kFree)) == 0; }
  /// What `more` entries take all at once, beyond rows: a larger index. Usually nothing.
  int64_t GrowthBytes(size_t more) const { return static_cast<int64_t>((CellsFor(more) - cells_) * sizeof(uint64_t)); }
  /// Most of what it takes is free: worth a Retain.
  bool Sparse() const;
  int64_t memory_bytes() const {
    return static_cast<int64_t>(rows_.size() + arena_bytes_ + cells_ * 8 +
                                (free_.capacity() + dirty_.slots.capacity() + frozen_.slots.capacity()) * 4);
  }

  std::byte* value(uint32_t slot) { return Row(slot) + value_offset_; }
  const std::byte* value(uint32_t slot) const { return Row(slot) + value_offset_; }
  std::string_view key(uint32_t slot) const { return RowOf(slot)->key(); }
  std::string_view subkey(uint32_t slot) const { return RowOf(slot)->subkey(); }
  uint16_t key_group(uint32_t slot) const { return RowOf(slot)->key_group; }
  std::string_view text(uint32_t slot) const {
    const Text* t = TextOf(slot);
    return {t->data, t->size};
  }
  void set_text(uint32_t slot, std::string_view text);

  uint16_t flags(uint32_t slot) const { return RowOf(slot)->flags; }
  void add_flags(uint32_t slot, uint16_t flags) {
    EntryRow* row = RowOf(slot);
    row->flags = static_cast<uint16_t>(row->flags | flags);
  }
  void clear_flags(uint32_t slot, uint16_t flags) {
    EntryRow* row = RowOf(slot);
    row->flags = static_cast<uint16_t>(row->flags & ~flags);
  }
  /// How many were marked since the last Freeze; some may be free now.
  uint32_t dirty() const { return dirty_.count; }
  /// Begins new changes. Those marked until now are frozen: who looks one up to change it takes it out, into `touched`, and
  /// copies its value first. None may be frozen from before.
  void Freeze();
  /// How many are still to be taken.
  uint32_t frozen() const { return frozen_.count; }
  /// Looks at the next row that may be frozen, when some are: takes its slot; -1: it is not frozen, or free. Asks for the
  /// memory of those that come next.
  int64_t TakeFrozen();
  /// Those that the calls since ClearTouched took: they are not frozen any more, and their values are still what they
  /// were. `touched_removed`: those that were removed, and are there again.
  const std::vector<uint32_t>& touched() const { return touched_; }
  const std::vector<uint32_t>& touched_removed() const { return touched_removed_; }
  void ClearTouched() {
    touched_.clear();
    touched_removed_.clear();
  }
  /// Before a change of a slot that was not looked up for it.
  void Touch(uint32_t slot) { Touch(slot, RowOf(slot)); }
  /// About as many bytes of a delta as an entry takes.
  int64_t EntryBytes() const {
    const size_t outside = slots_ == 0 ? 0 : (arena_bytes_ - arena_dead_) / slots_;
    return static_cast<int64_t>(value_width_ + room_ + 4 + outside);
  }
  /// All of the row: its value may lie in the next cache line.
  void Prefetch(uint32_t slot) const {
    const std::byte* row = Row(slot);
    weir::Prefetch(row);
    weir::Prefetch(row + stride_ - 1);
  }
  /// For who adds many: room for `more`, then the cells, then the rows are asked for ahead of FindOrAdd.
  void Reserve(size_t more) { ReserveIndex(more); }
  void PrefetchCell(uint64_t hash) const { weir::Prefetch(&index_[CellOf(hash)]); }
  void PrefetchRow(uint64_t hash) const {
    if (const uint32_t slot = Candidate(hash); slot != kNoSlot) Prefetch(slot);
  }

  /// Keeps only the entries and removed ones that `keep` says, with their marks; slots change.
  void Retain(const std::function<bool(uint32_t slot)>& keep);

 private:
  struct Text {
    const char* data;
    uint32_t size;
    uint32_t capacity;
  };
  static_assert(sizeof(Text) == 16);
  // Rows that have a mark: how many, and which, in the order of their marking, as long as these are few. Of many, their order
  // in memory is the fastest to take them in, and asks for no list.
  struct Marked {
    uint32_t count = 0;
    bool listed = true;
    std::vector<uint32_t> slots;  // when listed; with some that have lost the mark
    // Without a branch that depends on the row when the marks are many.
    void Add(uint32_t slot, bool had_mark, uint32_t of_slots) {
      count += had_mark ? 0 : 1;
      if (!listed || had_mark) return;
      slots.push_back(slot);
      if (slots.size() < kAlwaysListed + of_slots / 8) return;
      listed = false;
      slots.clear();
    }
  };
  static constexpr size_t kAlwaysListed = 32;

  static uint64_t Combine(uint64_t a, uint64_t b) {
    const uint64_t mixed = (b ^ (a >> 29)) * 0x9e3779b97f4a7c15ull;
    return a ^ (mixed << 17 | mixed >> 47);
  }

  std::byte* Row(uint32_t slot) const { return rows_.at() + size_t{slot} * stride_; }
  EntryRow* RowOf(uint32_t slot) const { return reinterpret_cast<EntryRow*>(Row(slot)); }
  Text* TextOf(uint32_t slot) const { return reinterpret_cast<Text*>(Row(slot) + EntryRow::ValueOffset(room_)); }
  // Cells are in the order of the stored bits, however many there are.
  size_t CellOf(uint64_t hash) const { return static_cast<size_t>(((hash >> 32) * cells_) >> 32); }
  // Where an entry with these bits of the hash lies, perhaps another one than is looked for.
  uint32_t Candidate(uint64_t hash) const {
    for (size_t i = CellOf(hash); index_[i] != 0; i = After(i)) {
      if (index_[i] >> 32 == hash >> 32) return static_cast<uint32_t>(index_[i]) - 1;
    }
    return kNoSlot;
  }
  size_t After(size_t cell) const { return cell + 1 == cells_ ? 0 : cell + 1; }
  size_t Distance(size_t from, size_t to) const { return to >= from ? to - from : to + cells_ - from; }
  uint16_t frozen_bit() const { return static_cast<uint16_t>(kDirty ^ dirty_bit_); }
  void Mark(uint32_t slot) {
    EntryRow* row = RowOf(slot);
    Touch(slot, row);
    dirty_.Add(slot, (row->flags & dirty_bit_) != 0, slots_);
    row->flags = static_cast<uint16_t>((row->flags & ~kAsStored) | dirty_bit_ | kReferenced);
  }
  void Touch(uint32_t slot, EntryRow* row) {
    if ((row->flags & frozen_bit()) == 0) return;
    row->flags = static_cast<uint16_t>(row->flags & ~frozen_bit());
    --frozen_.count;
    ((row->flags & kRemoved) == 0 ? touched_ : touched_removed_).push_back(slot);
  }

  /// Calls probe(i, hash, candidate) of each of rows[0..count) in order, what it will read being on its way.
  template <typename Probe>
  void ProbeAll(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys, const uint32_t* rows, int64_t count,
                Probe probe);
  uint32_t FindOrAddAt(std::string_view key, std::string_view subkey, uint64_t hash, bool* made);
  /// Before the first row: they have room for keys of so many bytes, if that is a few.
  void LayOutRows(size_t key_bytes);
  uint32_t NewRow(std::string_view key, std::string_view subkey);
  uint32_t NewSlot();
  void Unlink(uint32_t slot, uint64_t hash);
  uint64_t HashOfRow(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys,
                     uint32_t row) const {
    const uint64_t hash = keys.hashes[row];
    return subkeys == nullptr || subkeys->key(row).empty() ? hash
                                                           : Combine(hash, subkeys->hashes[row]);
  }
  /// Cells so that there is room for `more` entries.
  size_t CellsFor(size_t more) const;
  void ReserveIndex(size_t more);
  char* Allocate(size_t bytes);
  /// Places for texts come in classes of 16, 24, 32, 48, 64, … bytes.
  static size_t TextClassBytes(int size_class) {
    return size_t{(size_class & 1) != 0 ? 24u : 16u} << (size_class / 2);
  }
  static int TextClassOf(size_t bytes);
  char* AllocateText(int size_class);
  void FreeText(char* data, size_t capacity);

  uint32_t value_width_;
  bool has_text_;
  uint32_t room_ = 0;  // of a row, for key and subkey
  uint32_t value_offset_ = 0;
  size_t stride_ = 0;
  uint32_t slots_ = 0;
  uint32_t removed_ = 0;
  std::vector<uint32_t> free_;
  RowMemory rows_;
  EntryMemory index_memory_;
  uint64_t* index_ = nullptr;
  size_t cells_ = 0;
  Marked dirty_;
  Marked frozen_;
  uint32_t frozen_next_ = 0;  // of frozen ones that are not listed: below this slot
  std::vector<uint32_t> touched_;
  std::vector<uint32_t> touched_removed_;
  uint16_t dirty_bit_ = 1;  // of kDirty; the other one marks the frozen
  std::vector<std::unique_ptr<char[]>> arena_;
  size_t arena_bytes_ = 0;
  size_t arena_dead_ = 0;  // of keys and texts that are gone
  char* arena_next_ = nullptr;
  size_t arena_left_ = 0;
  std::array<char*, 64> free_texts_ = {};  // by class; each begins with the next one's place
};

}  // namespace weir::taskmanager
