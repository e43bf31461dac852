#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "taskmanager/operator/keyed_operator.h"
#include "taskmanager/operator/rank/expiring_entries.h"
#include "taskmanager/operator/rank/rank_input.h"
#include "taskmanager/operator/rank/rank_output.h"

namespace weir::taskmanager {

/// How rows of one key are ordered: by event time, then by the hash of their canonical bytes, so that it is the same
/// whatever order they come in. All zero means nothing: whether there is a row is known otherwise.
struct RowOrder {
  int64_t time = 0;
  uint64_t tie = 0;
  friend auto operator<=>(const RowOrder&, const RowOrder&) = default;
};

/// The last row of each key by event time: each row that is later than what there was is emitted.
///
/// Thread:  the task's thread.
/// Shape:   out: the input's rows, insert for a key that is new, else update_after. With a ttl, a row that is older than
///          that when it comes is late.
/// Why:     state holds the order of a key's row and not the row: it has been emitted, and nobody asks for it again.
class DeduplicateLastOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;

 private:
  RankInput input_;
  ExpiringEntries entries_;
  int64_t watermark_ = batch::kMinTimestamp;
  batch::KeyBatch row_bytes_;
  std::vector<int> columns_;
  std::vector<uint32_t> better_;
  std::vector<batch::RowKind> kinds_;
};

/// The first row of each key by event time, emitted once, when the watermark has passed its time.
///
/// Thread:    the task's thread.
/// Shape:     out: the input's rows, all inserts. A row behind the watermark is late.
/// Invariant: a row waits in the namespace of its stretch of time; one that was replaced by an earlier row lies there until
///            the stretch is dropped, and is known by the key's entry having another order.
/// Why:       the watermark usually stands within a stretch: that one is also held in memory in order of time, so that
///            each watermark costs the rows it lets go.
class DeduplicateFirstOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;

 private:
  struct Waiting {
    uint64_t tie;
    std::string key, row;
  };
  /// Of a row of the batch whose `row_bytes_` were made.
  RowOrder OrderOf(uint32_t row, int64_t time) const;
  /// Puts the rows of `firsts_` where they wait.
  absl::Status Wait(const batch::Batch& batch);
  /// Reads a page of the stretch that the watermark has come into.
  absl::Status LoadStretch();
  /// Emits a page of rows whose time has passed.
  absl::Status EmitDue(int64_t watermark, Output& output);

  RankInput input_;
  ExpiringEntries entries_;
  KeyedTable* waiting_ = nullptr;
  std::set<NamespaceId> stretches_;  // of `waiting_`, by their ends
  RankOutput rank_output_;
  int64_t watermark_ = batch::kMinTimestamp;
  // The stretch in memory.
  std::optional<NamespaceId> current_;
  bool loading_ = false;
  uint64_t cursor_ = 0;
  std::multimap<int64_t, Waiting> due_;  // by time
  // Scratch.
  batch::KeyBatch row_bytes_;
  std::vector<int> columns_;
  std::vector<uint32_t> firsts_;
};

}  // namespace weir::taskmanager
