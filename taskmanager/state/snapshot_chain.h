#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/checkpoint/snapshot.h"
#include "common/checkpoint/storage.h"
#include "taskmanager/state/keyed_state.h"
#include "taskmanager/state/ordered_store.h"

namespace weir::taskmanager {

/// The chain of a subtask's state in the checkpoint storage: base and deltas. The task's thread
/// queues what it froze, writers take it from there; what could not be written stays queued, in
/// order.
///
/// Thread:  the methods of the first group belong to the task's thread, Write to the writers; a
/// lock joins the two.
class SnapshotChain {
 public:
  /// Deltas up to this size travel inside the manifest, until a chain has this much of them: then
  /// they become files.
  static constexpr size_t kInlineDelta = 64 << 10;
  static constexpr size_t kInlineChain = 256 << 10;
  /// A chain of more deltas has its small ones joined, the youngest with those before that are not larger: each byte is
  /// written again a few times, where a new base would write all the state.
  static constexpr size_t kJoinFrom = 64;
  static constexpr uint64_t kJoinedFile = 8 << 20;

  /// `restored`: the chain to go on with; its range is the state's.
  SnapshotChain(std::shared_ptr<checkpoint::Storage> storage, std::string prefix,
                checkpoint::KeyedSnapshot restored);

  /// Queues a part of the delta in the making: unsealed bytes of a DeltaBuilder. It belongs to the next FinishDelta.
  void AddPart(std::string bytes);
  /// The parts since the last call are the delta frozen at `checkpoint`.
  void FinishDelta(CheckpointId checkpoint);
  /// The memory of a part that was written, or none: at a barrier half of the time would go into new pages.
  std::string TakeSpare();
  /// From now on so much memory of parts that were written is kept for the next ones; the rest goes.
  void KeepSpare(int64_t bytes);
  int64_t SpareBytes() const { return spare_bytes_.load(std::memory_order_relaxed); }
  /// Queues a part of the next base.
  void AddBasePart(CheckpointId checkpoint, std::string bytes);
  /// The parts since the last FinishBase, with `store` as it stands (may be null), hold all that
  /// deltas up to `covers` said. The store must not change until StoreMustStand turns false.
  void FinishBase(CheckpointId checkpoint, CheckpointId covers,
                  std::shared_ptr<OrderedStore> store);

  /// Writes the parts of the delta in the making to files; then, if more than `most` bytes are still queued in memory,
  /// those too, for which it waits for the writer that is at it. What was not written stays queued.
  absl::Status WriteAhead(int64_t most);
  /// The store may change when this is back: its checkpoint is taken now if no writer has come to it.
  absl::Status FreeStore();

  bool BaseInProgress() const;
  bool StoreMustStand() const;
  /// Queued in memory, parts of the delta in the making included.
  int64_t PendingBytes() const { return pending_bytes_.load(std::memory_order_relaxed); }
  /// Deltas that the next base would replace.
  int64_t DeltaBytes() const { return delta_bytes_; }
  int64_t DeltaCount() const;

  /// Writes all that was queued up to `checkpoint`, whose delta is finished, and returns the chain. Adds to
  /// `*bytes_written`.
  absl::StatusOr<checkpoint::KeyedSnapshot> Write(CheckpointId checkpoint, int64_t* bytes_written);

 private:
  enum class Kind { kDelta, kBasePart, kFinishBase };
  struct Item {
    Kind kind = Kind::kDelta;
    CheckpointId checkpoint;
    std::string bytes;                    // empty once they are in `file`
    int64_t size = 0;
    bool sealed = false;
    checkpoint::FileRef file;             // written ahead
    CheckpointId covers;                  // kFinishBase
    std::shared_ptr<OrderedStore> store;  // kFinishBase
    bool checkpointed = false;            // the store was asked
    std::vector<OrderedStore::File> files;
  };

  void Queue(Item item);
  absl::Status WriteItem(Item& item, int64_t* bytes_written);
  absl::Status WriteBytes(Item& item);
  absl::Status CheckpointStore(Item& item);
  static void Seal(Item& item);
  absl::Status WriteBase(Item& item, int64_t* bytes_written);
  absl::Status MergeInline(int64_t* bytes_written);
  absl::Status JoinFiles(int64_t* bytes_written);
  absl::StatusOr<checkpoint::FileRef> WriteFile(const std::string& kind, CheckpointId checkpoint,
                                                const std::string& bytes, int64_t* bytes_written);
  std::string NewPath(const std::string& kind, CheckpointId checkpoint);

  const std::shared_ptr<checkpoint::Storage> storage_;
  const std::string prefix_;

  // The task's thread.
  std::deque<std::pair<CheckpointId, int64_t>> delta_sizes_;
  int64_t delta_bytes_ = 0;
  std::deque<Item> parts_;  // of the delta in the making

  std::atomic<int64_t> pending_bytes_{0};
  std::atomic<int64_t> spare_bytes_{0};
  std::atomic<int64_t> sequence_{0};  // of paths
  mutable std::mutex mutex_;
  std::deque<Item> queue_;         // guarded by mutex_
  CheckpointId finished_{0};       // the last delta's; the task's thread writes, under mutex_
  bool base_in_progress_ = false;  // guarded by mutex_
  bool store_must_stand_ = false;  // guarded by mutex_
  std::vector<std::string> spare_;  // guarded by mutex_
  int64_t spare_most_ = 16 << 20;   // guarded by mutex_
  int64_t delta_count_ = 0;        // guarded by mutex_; of the chain and the queue

  std::mutex
      write_mutex_;  // one writer at a time; taken before mutex_. The rest belongs to its holder.
  std::deque<Item> work_;
  checkpoint::KeyedSnapshot chain_;
  std::vector<checkpoint::FileRef> base_parts_;          // of the base in the making
  std::map<std::string, checkpoint::FileRef> uploaded_;  // store files of the base in the making
  CheckpointId written_{-1};
};

}  // namespace weir::taskmanager
