#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/batch/key.h"
#include "common/checkpoint/snapshot.h"

namespace weir::taskmanager {

/// Orders entries in time: windows use the end of the slice in microseconds.
using NamespaceId = int64_t;

/// The slot of an entry that is not there.
inline constexpr uint32_t kNoSlot = UINT32_MAX;

/// What a table's entries look like. `name` is stable: it names the state on disk.
struct TableSpec {
  std::string name;
  int32_t value_width = 0;  // bytes of the fixed part; a new entry's are all zero
  bool has_text = false;    // each entry also has bytes of any length (a string minimum, say)
  friend bool operator==(const TableSpec&, const TableSpec&) = default;
};

/// The entries of one (table, namespace): a hash table from key (and subkey) to a slot.
///
/// Thread:  the task's thread. Pointers, views and slots hold until the next Find or FindOrInsert of any table of the
///          state, or Drop of this one; Remove and MarkChanged move nothing.
/// Shape:   an entry's fixed part lies at `value(slot)`, row-wise: one probe, one cache line. Slots are small numbers,
///          used again after Remove; other slots move only by eviction, never within a call: use slots at once.
class NamespaceTable {
 public:
  virtual ~NamespaceTable() = default;

  /// Finds or makes the entry of each of the rows `rows[0..count)` of `keys` and marks it changed.
  /// `subkeys` null: none; else parallel to `keys`. `slots[i]` is the slot of rows[i]; `inserted` (may be null) tells
  /// for each whether it was made now (false for the second of two equal keys in one call).
  virtual absl::Status FindOrInsert(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys, const uint32_t* rows,
                                    int64_t count, uint32_t* slots, uint8_t* inserted) = 0;
  /// Finds the entries of the rows; kNoSlot where there is none. Loads those on disk; makes and marks nothing: who
  /// changes a value then says so by MarkChanged.
  virtual absl::Status Find(const batch::KeyBatch& keys, const batch::KeyBatch* subkeys, const uint32_t* rows,
                            int64_t count, uint32_t* slots) = 0;
  /// The entries' values or texts are changed, before or after this call but before the next barrier: they are part
  /// of the next delta.
  virtual void MarkChanged(const uint32_t* slots, int64_t count) = 0;
  /// Removes entries, each once; their slots are void. One that no barrier has seen leaves no trace.
  virtual void Remove(const uint32_t* slots, int64_t count) = 0;
  /// Aligned to 16 bytes when it is at least that wide, else to 8.
  virtual std::byte* value(uint32_t slot) = 0;
  /// `values[i] = value(slots[i])`: one call a batch instead of one a row.
  virtual void Values(const uint32_t* slots, int64_t count, std::byte** values) {
    for (int64_t i = 0; i < count; ++i) values[i] = value(slots[i]);
  }
  /// Only with `has_text`.
  virtual std::string_view text(uint32_t slot) const = 0;
  virtual void set_text(uint32_t slot, std::string_view text) = 0;
  /// Entries that lie in memory.
  virtual int64_t size() const = 0;

  /// A page of the entries, those on disk included, in an order that is fixed while nothing is changed.
  struct Page {
    std::vector<std::string_view> keys;     // canonical key bytes
    std::vector<std::string_view> subkeys;  // empty views without subkeys
    std::vector<const std::byte*> values;
    std::vector<std::string_view> texts;    // only with `has_text`
    bool last = false;
  };
  /// Starts or goes on with a scan: `*cursor` is 0 at first. At most `limit` entries a page, perhaps none, whose views
  /// hold until the next call. One scan at a time; Find, FindOrInsert, Remove and Drop end it.
  virtual absl::Status Scan(uint64_t* cursor, int64_t limit, Page* page) = 0;
};

/// A named table of keyed state, divided by namespace.
/// Thread: the task's thread.
class KeyedTable {
 public:
  virtual ~KeyedTable() = default;
  /// The namespace's entries; made when there are none. Stays valid until Drop.
  virtual NamespaceTable& Open(NamespaceId ns) = 0;
  /// Null when it has no entries, neither in memory nor on disk; not always, when all on disk were removed.
  virtual NamespaceTable* Find(NamespaceId ns) = 0;
  /// Removes all entries of the namespace, on disk too.
  virtual void Drop(NamespaceId ns) = 0;
  /// Those that Find finds, ascending.
  virtual std::vector<NamespaceId> Namespaces() const = 0;
};

/// The state's part of a checkpoint that does I/O: made at the barrier, run on a pool thread, in barrier order.
class KeyedSnapshotWriter {
 public:
  virtual ~KeyedSnapshotWriter() = default;
  /// Writes what changed and returns the whole chain, all durable. kUnavailable and kResourceExhausted are the
  /// storage's: what was frozen is kept for the next checkpoint.
  virtual absl::StatusOr<checkpoint::KeyedSnapshot> Write() = 0;
  /// Bytes newly written, known after Write.
  virtual int64_t bytes_written() const = 0;
};

/// All keyed state of one operator of one subtask.
///
/// Thread:  the task's thread; writers returned by Freeze run elsewhere, in the order of their making.
/// Errors:  of lookups: kUnavailable, kResourceExhausted = the storage takes no changes, and memory has no room for more.
/// Source:  FASTER, and Flink's changelog state backend for deltas; design.md 8.
class KeyedState {
 public:
  virtual ~KeyedState() = default;

  /// Opens a table; the same name again gives the same one. kFailedPrecondition when restored state has another layout.
  virtual absl::StatusOr<KeyedTable*> OpenTable(const TableSpec& spec) = 0;
  /// The synchronous part at barrier `checkpoint`: freezes what changed since the last one. No I/O, but for a large base
  /// that must be whole in this checkpoint. Of many changed entries the values are copied later: by CopyFrozen, or
  /// when one is looked up.
  virtual absl::StatusOr<std::unique_ptr<KeyedSnapshotWriter>> Freeze(CheckpointId checkpoint) = 0;
  /// Copies on, about so many entries; whether that was all: the writer of the last Freeze may write then, not before.
  /// The next Freeze copies what is left.
  virtual bool CopyFrozen(int64_t entries) = 0;
  /// The checkpoint is complete: its files are what recovery would use.
  virtual void OnCheckpointComplete(CheckpointId checkpoint) = 0;
  /// The checkpoint will never complete: its delta goes into the next one's chain again.
  virtual void OnCheckpointAborted(CheckpointId checkpoint) = 0;
  /// Bytes in memory.
  virtual int64_t memory_bytes() const = 0;
};

/// How to make the state of one operator of one subtask.
struct KeyedStateOptions {
  std::string backend;         // "rocksdb" or "memory"
  std::string local_dir;       // this subtask attempt's own folder, not existing yet; rocksdb only
  std::string storage_prefix;  // paths of new files in the storage begin so: unique to job, attempt, subtask, operator
  batch::KeyGroupRange range;
  int32_t max_parallelism = 128;
  int64_t memory_budget_bytes = int64_t{256} << 20;  // for entries, and for changes that are still to be written
  /// A new base is made when the deltas are more than the state and than `min_delta_bytes`, or this many (small ones are
  /// joined). It is serialised with the batches between barriers, or in slices, one a barrier: what bounds the pause.
  int64_t min_delta_bytes = int64_t{64} << 20;
  int64_t max_deltas = 1000;
  int64_t dump_slice_bytes = int64_t{2} << 20;
  int64_t delta_part_bytes = int64_t{32} << 20;  // a larger delta is several files
  int64_t copied_at_barrier = 8192;  // changed entries: of more, none is copied before the task goes on
};

}  // namespace weir::taskmanager
