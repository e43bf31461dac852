#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/batch/key.h"
#include "common/plan/plan.h"
#include "taskmanager/exchange/channel.h"

namespace weir::taskmanager {

/// Sends what an operator emits over one edge of the plan: chooses the channel of each row, gathers small pieces.
///
/// Thread:  the task's thread.
/// Bound:   a channel holds back at most kFlushBytes or kMaxRows rows, and that for kFlushMicros.
/// Order:   in each channel as emitted; a watermark may fall behind rows that came after it, never the other way.
class EdgeWriter {
 public:
  static constexpr int64_t kFlushBytes = 64 * 1024;
  static constexpr SteadyMicros kFlushMicros = 2'000;

  EdgeWriter(const plan::Edge* edge, int max_parallelism, std::vector<std::unique_ptr<OutputChannel>> channels);

  absl::Status Write(const batch::Batch& batch, SteadyMicros now);
  /// Rides behind the rows held back.
  void Watermark(int64_t watermark, SteadyMicros now);
  /// Sends all that is held back, then `element` (a barrier) on every channel.
  absl::Status Broadcast(const Element& element);
  absl::Status Flush();
  /// When held-back rows are due; 0: none are held back.
  SteadyMicros flush_at() const { return flush_at_; }
  /// Every channel has room. A step that begins when this holds may overdraw by what it emits.
  bool writable() const;

 private:
  struct Target {
    std::unique_ptr<OutputChannel> channel;
    batch::BatchBuilder builder;
    int64_t pending_watermark = batch::kMinTimestamp;
    bool has_watermark = false;
  };
  absl::Status SendRows(Target& target, const batch::Batch& batch, const uint32_t* rows, int64_t count,
                        SteadyMicros now);
  absl::Status FlushTarget(Target& target);
  static absl::Status SendBatch(OutputChannel& channel, batch::Batch batch);

  const plan::Edge* edge_;
  int max_parallelism_;
  std::vector<Target> targets_;
  batch::KeyBatch keys_;
  std::vector<std::vector<uint32_t>> rows_of_;  // by target, scratch
  size_t next_ = 0;                             // rebalance
  SteadyMicros flush_at_ = 0;
};

/// Bytes a batch counts for in queues: its columns' values and what its strings point to.
int64_t QueueBytes(const batch::Batch& batch);

}  // namespace weir::taskmanager
