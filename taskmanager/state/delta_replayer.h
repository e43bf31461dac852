#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/batch/key.h"
#include "common/checkpoint/delta.h"
#include "taskmanager/state/cold_batch.h"
#include "taskmanager/state/tiered_state.h"

namespace weir::taskmanager {

/// Puts what parts of bases and deltas say into a state that is being restored: into memory, and what is beyond the
/// budget into the store, without a way through the memory.
///
/// Thread:  the one that restores. Order: Begin, Replay of its parts from the oldest on, Begin …, Finish.
class DeltaReplayer final : private checkpoint::DeltaVisitor {
 public:
  explicit DeltaReplayer(TieredState* state);

  /// The parts that follow are those of a former subtask, of which the key groups `from` are taken.
  void Begin(const batch::KeyGroupRange& from) { from_ = from; }
  enum class Checksum { kCompare, kCompared };
  /// `later_bytes`: about as much follows. Room is left for it, as the newest is what is most likely asked for.
  absl::Status Replay(std::string_view bytes, std::string_view what, Checksum checksum, int64_t later_bytes);
  absl::Status Finish();

 private:
  absl::Status OnDrop(std::string_view table, int64_t ns) override;
  absl::Status OnBlock(const Block& block) override;
  absl::Status OnEntries(std::span<const Entry> entries) override;

  absl::Status Remove(std::span<const Entry> entries);
  // Entries that are taken, with their hashes; what they will touch has been asked for.
  void AddToMemory(const Entry* const* entries, const uint64_t* hashes, size_t count);
  absl::Status AddBeyondBudget(const Entry* const* entries, const uint64_t* hashes, size_t count);
  void Fill(uint32_t slot, const Entry& entry);
  absl::Status Account();
  absl::Status EndBlock();
  absl::Status WriteCold();

  TieredState* const state_;
  batch::KeyGroupRange from_;
  TieredNamespace* into_ = nullptr;  // the open block's
  uint32_t width_ = 0;
  bool has_text_ = false;
  bool removals_ = false;
  int64_t memory_limit_ = 0;  // from here on entries that are not in memory go into the store
  bool full_ = false;
  size_t unaccounted_ = 0;  // entries
  TieredNamespace* cold_of_ = nullptr;  // whose entries wait in cold_ for the store; they are newer than what it has
  ColdBatch cold_;
  ColdBatch removed_;
};

}  // namespace weir::taskmanager
