#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "taskmanager/operator/keyed_operator.h"
#include "taskmanager/operator/window/session_store.h"
#include "taskmanager/operator/window/session_timers.h"
#include "taskmanager/operator/window/window_results.h"
#include "taskmanager/operator/window/window_rows.h"

namespace weir::taskmanager {

/// Aggregates rows per key and session: rows less than `gap` apart in event time belong together.
///
/// Thread:    the task's thread.
/// Shape:     in: the node's input. Out: keys, window_start (first row), window_end (last row + gap, exclusive), aggregates,
///            nearly in order of window end. Late port: the input's rows.
/// Invariant: a session fires once, when the watermark comes to its end; again, whole and with the bounds it has then, for
///            rows within allowed_lateness. A row is late when its own [time, time + gap) is closed: whether it would fit
///            a session that is open does not count, so that what is late does not depend on other rows.
/// Source:    Akidau et al., The Dataflow Model (VLDB 2015).
class SessionAggregateOperator final : public KeyedOperator {
 public:
  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::StatusOr<Progress> AdvanceWatermark(int64_t watermark, Output& output) override;

 private:
  /// Results of one page, in memory of its own.
  struct Fired {
    std::vector<std::string_view> keys;
    WindowResults::Bounds bounds;
    std::vector<std::byte> rows;
    batch::StringArena arena;
  };
  int64_t EndOf(int64_t last) const { return last > last_time_ ? last_time_ + gap_ : last + gap_; }
  bool IsNear(int64_t earlier, int64_t later) const {
    return later <= earlier || static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier) < static_cast<uint64_t>(gap_);
  }
  bool Touches(int64_t time, int64_t start, int64_t last) const { return IsNear(time, start) && IsNear(last, time); }
  absl::Status Update(const batch::Batch& batch, const std::vector<uint32_t>& rows);
  /// The rows that wait in pending_ are added to their sessions.
  void AddPending();
  /// One row, whatever its key has.
  absl::Status UpdateOne(NamespaceTable& table, uint32_t slot, uint32_t row, int64_t time);
  void AddRow(uint32_t row, Session* session);
  /// The key is due at `due`: noted, if it is not by then already.
  void NoteAt(SessionHeader* header, int64_t due, uint32_t row, std::string_view key);
  absl::Status NoteAll(const batch::KeyBatch& keys);
  /// Fires what is due by `watermark`, a page. False: nothing more is due.
  absl::StatusOr<bool> FirePage(int64_t watermark, Output& output);
  /// What is due of one key. The least time at which the rest is due; nothing, when nothing is left.
  absl::StatusOr<std::optional<int64_t>> FireKey(NamespaceTable& table, uint32_t slot, std::string_view key,
                                                 int64_t watermark, Fired* fired);
  absl::Status EmitFired(Fired& fired, Output& output);

  std::unique_ptr<Accumulators> accumulators_;
  std::unique_ptr<SessionStore> store_;
  KeyedTable* table_ = nullptr;
  SessionTimers timers_;
  WindowRows rows_;
  WindowResults results_;
  int64_t gap_ = 0;
  int64_t lateness_ = 0;
  int64_t last_time_ = 0;  // later rows end when one of this time would: sums of times must not overflow
  int64_t watermark_ = batch::kMinTimestamp;
  bool fire_now_ = false;  // a session was changed that has ended already
  // Scratch.
  std::vector<uint32_t> in_time_, late_rows_, slots_;
  std::vector<std::byte*> values_;
  std::vector<uint32_t> pending_;
  std::vector<std::byte*> targets_;
  std::vector<std::pair<int64_t, std::vector<uint32_t>>> notes_;  // by bucket
  std::vector<Session> sessions_;
  std::vector<batch::KeyBatch> distinct_keys_;  // by aggregate: of the batch's values
  batch::KeyBatch due_keys_;
  batch::StringArena arena_;
  std::string text_;
};

}  // namespace weir::taskmanager
