#pragma once

#include <memory>
#include <string>
#include <vector>

#include "taskmanager/operator/operator.h"
#include "taskmanager/operator/source_operator.h"
#include "taskmanager/task/edge_writer.h"

namespace weir::taskmanager {

/// The operators of one task, called directly: a tree, whose leaves' rows leave by edges.
///
/// Thread:  the task's thread.
/// Shape:   `operators[i]` runs the plan's operators[i]; entry 0 is null in a source task (the source stands apart).
///          A watermark and a drain go through the operators in order, in resumable steps: one is under way at a time,
///          and rows come in only between them.
class OperatorChain {
 public:
  OperatorChain(const plan::Task* task, std::vector<OperatorPtr> operators, OperatorCounters* counters,
                const Clock* clock, int64_t restored_watermark);

  /// Edges of the task's outputs; once, before the first row.
  void Connect(const plan::ExecutionPlan& plan, std::vector<std::unique_ptr<EdgeWriter>> writers);

  /// A batch for the head; `side` 1: of a join's right input.
  absl::Status Process(int side, batch::Batch batch);
  /// What a source emits.
  Output& head_output() { return outputs_[0]; }

  /// Begins a step; nothing may be under way. A watermark not above the last is no step.
  void BeginWatermark(int64_t watermark);
  void BeginDrain();
  bool stepping() const { return position_ >= 0; }
  /// One operator's bounded piece of the step under way.
  absl::Status Continue();

  /// When an operator's timer is due; 0: none.
  SteadyMicros next_timer() const;
  /// A timer is not through.
  bool timing() const { return timing_ >= 0; }
  /// One piece of it, or of the first operator whose timer is due. Not while a step is under way.
  absl::Status RunTimer(SteadyMicros now);

  /// Index of an operator that cannot take a snapshot now; -1: all can.
  int FirstUnready() const;
  /// A piece of the operators' ContinueSnapshot; kDone: none has more.
  Progress ContinueSnapshot();
  absl::Status OnIdle();
  absl::Status FlushEdges();
  /// Sends it on every edge, behind all rows.
  absl::Status Broadcast(const Element& element);
  /// Says downstream that there is nothing to say; RepeatWatermark takes it back.
  void ForwardIdle();
  void RepeatWatermark();
  bool writable() const;
  /// When an edge's held-back rows are due; 0: none.
  SteadyMicros flush_at() const;

  int64_t watermark() const { return watermark_; }
  int64_t state_bytes() const;
  const std::vector<OperatorPtr>& operators() const { return operators_; }

 private:
  class OperatorOutput final : public Output {
   public:
    OperatorOutput(OperatorChain* chain, int index) : chain_(chain), index_(index) {}
    absl::Status Emit(int port, batch::Batch batch) override { return chain_->Emit(index_, port, std::move(batch)); }

   private:
    OperatorChain* chain_;
    int index_;
  };
  absl::Status Emit(int from, int port, batch::Batch batch);

  const plan::Task* task_;
  std::vector<OperatorPtr> operators_;
  std::vector<OperatorOutput> outputs_;
  std::vector<std::vector<std::vector<int>>> consumers_;     // [operator][port] -> operators
  std::vector<std::vector<std::vector<int>>> edge_writers_;  // [operator][port] -> indices into writers_
  std::vector<std::unique_ptr<EdgeWriter>> writers_;         // parallel to task->outputs
  OperatorCounters* counters_;
  const Clock* clock_;
  int position_ = -1;  // operator whose turn it is; -1: nothing under way
  bool draining_ = false;
  int timing_ = -1;  // operator whose timer is not through; -1: none
  int64_t stepping_to_ = batch::kMinTimestamp;
  int64_t watermark_ = batch::kMinTimestamp;  // all operators have processed it
};

}  // namespace weir::taskmanager
