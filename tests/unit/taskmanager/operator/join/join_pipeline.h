#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/batch/key.h"
#include "taskmanager/operator/join/window_join_operator.h"
#include "tests/unit/taskmanager/operator/window_pipeline.h"

namespace weir::taskmanager {

/// Both sides of a join from their sources on, in `receivers` subtasks of the join: computed keys, the hash exchange
/// with its wire form, and watermarks, the least of both sides'.
class JoinPipeline {
 public:
  using Make = std::function<OperatorPtr()>;

  JoinPipeline(std::shared_ptr<const plan::ExecutionPlan> plan, Make make, StateHome* home, int receivers,
               const PipelineSnapshot* restored)
      : plan_(std::move(plan)) {
    for (const plan::Edge& edge : plan_->edges) {
      const plan::PlanOperator& to = plan_->tasks[edge.to_task].operators[0];
      if (to.join) edges_[static_cast<size_t>(edge.to_side)] = &edge;
    }
    REQUIRE(edges_[0] != nullptr);
    REQUIRE(edges_[1] != nullptr);
    const plan::PlanOperator& join = plan_->tasks[edges_[0]->to_task].operators[0];
    for (int r = 0; r < receivers; ++r) {
      states_.push_back(home->Open(batch::RangeOf(r, receivers, plan_->max_parallelism),
                                   restored != nullptr ? restored->keyed : std::vector<checkpoint::KeyedSnapshot>{}));
      OperatorContext context = ContextOf(join, r, receivers);
      context.state = states_.back().get();
      if (restored != nullptr) {
        context.is_restore = true;
        context.restored_watermark = restored->window_watermark;
      }
      joins_.push_back(make());
      REQUIRE_STATUS(joins_.back()->Open(context));
    }
    if (restored != nullptr) sent_ = watermarks_[0] = watermarks_[1] = restored->window_watermark;
    for (size_t side = 0; side < 2; ++side) {
      const plan::Task& from = plan_->tasks[edges_[side]->from_task];
      for (size_t i = 1; i <= static_cast<size_t>(edges_[side]->from_operator); ++i) {
        senders_[side].push_back(MakeOperator(from.operators[i].kind));
        REQUIRE_STATUS(senders_[side].back()->Open(ContextOf(from.operators[i], 0, 1)));
      }
    }
  }

  const batch::SchemaPtr& schema(int side) const {
    return plan_->tasks[edges_[static_cast<size_t>(side)]->from_task].operators[0].output;
  }
  const plan::JoinSpec& spec() const { return *plan_->tasks[edges_[0]->to_task].operators[0].join; }
  int64_t watermark() const { return sent_; }
  int64_t watermark_of(int side) const { return watermarks_[static_cast<size_t>(side)]; }

  absl::Status Feed(int side, batch::Batch batch) { return Chain{this, side, 0}.Emit(kMainPort, std::move(batch)); }

  absl::Status Advance(int side, int64_t to) {
    watermarks_[static_cast<size_t>(side)] = std::max(watermarks_[static_cast<size_t>(side)], to);
    const int64_t least = std::min(watermarks_[0], watermarks_[1]);
    if (least <= sent_) return absl::OkStatus();
    for (OperatorPtr& join : joins_) {
      for (;;) {
        auto progress = join->AdvanceWatermark(least, collector);
        if (!progress.ok()) return progress.status();
        if (*progress == Progress::kDone) break;
        ++steps;
      }
    }
    CheckTimes();
    sent_ = least;
    return absl::OkStatus();
  }

  PipelineSnapshot Checkpoint(int64_t id, bool complete = true) {
    PipelineSnapshot snapshot;
    snapshot.window_watermark = sent_;
    for (OperatorPtr& join : joins_) {
      auto part = join->Snapshot(CheckpointId(id));
      REQUIRE_STATUS(part.status());
      auto written = (*part)->Run();
      REQUIRE_STATUS(written.status());
      bytes_written += (*part)->bytes_written();
      for (auto& keyed : written->keyed) snapshot.keyed.push_back(std::move(keyed));
    }
    for (OperatorPtr& join : joins_) {
      complete ? join->OnCheckpointComplete(CheckpointId(id)) : join->OnCheckpointAborted(CheckpointId(id));
    }
    return snapshot;
  }

  /// Results with their event times; emptied.
  std::vector<std::string> Take() {
    CheckTimes();
    checked_ = 0;
    return collector.Take(kMainPort);
  }
  int64_t state_bytes() const {
    int64_t bytes = 0;
    for (const OperatorPtr& join : joins_) bytes += join->state_bytes();
    return bytes;
  }

 private:
  struct Chain final : Output {
    Chain(JoinPipeline* pipeline, int side, size_t at) : pipeline(pipeline), side(side), at(at) {}
    absl::Status Emit(int port, batch::Batch batch) override {
      auto& chain = pipeline->senders_[static_cast<size_t>(side)];
      if (port != kMainPort) return pipeline->collector.Emit(port, std::move(batch));
      if (at == chain.size()) return pipeline->Exchange(side, std::move(batch));
      Chain next{pipeline, side, at + 1};
      return chain[at]->Process(std::move(batch), next);
    }
    JoinPipeline* pipeline;
    int side;
    size_t at;
  };

  /// No result is late where it goes.
  void CheckTimes() {
    const auto& batches = collector.batches[kMainPort];
    for (; checked_ < batches.size(); ++checked_) {
      for (int64_t i = 0; i < batches[checked_].rows; ++i) REQUIRE(batches[checked_].times()[i] >= sent_);
    }
  }

  absl::Status Exchange(int side, batch::Batch batch) {
    const plan::Edge& edge = *edges_[static_cast<size_t>(side)];
    batch::KeyBatch keys;
    batch::MakeKeys(batch, edge.keys, &keys);
    std::map<int, std::vector<uint32_t>> parts;
    const auto receivers = static_cast<int>(joins_.size());
    for (uint32_t i = 0; i < batch.rows; ++i) {
      const uint16_t group = batch::KeyGroupOf(keys.hashes[i], plan_->max_parallelism);
      parts[batch::SubtaskOf(group, receivers, plan_->max_parallelism)].push_back(i);
    }
    for (const auto& [receiver, rows] : parts) {
      std::string wire;
      batch::EncodeBatch(batch.Gather(rows.data(), static_cast<int64_t>(rows.size())), &wire);
      auto decoded = batch::DecodeBatch(edge.schema, batch::Buffer::Copy(wire));
      REQUIRE_STATUS(decoded.status());
      const absl::Status status =
          joins_[static_cast<size_t>(receiver)]->ProcessSide(side, *std::move(decoded), collector);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  OperatorContext ContextOf(const plan::PlanOperator& op, int subtask, int parallelism) {
    OperatorContext context;
    context.plan = &op;
    context.execution_plan = plan_.get();
    context.subtask = {0, subtask};
    context.parallelism = parallelism;
    context.max_parallelism = plan_->max_parallelism;
    context.clock = &clock_;
    context.counters = &counters;
    return context;
  }

  std::shared_ptr<const plan::ExecutionPlan> plan_;
  std::array<const plan::Edge*, 2> edges_{};
  ManualClock clock_;
  std::vector<std::unique_ptr<KeyedState>> states_;
  std::vector<OperatorPtr> joins_;
  std::array<std::vector<OperatorPtr>, 2> senders_;
  std::array<int64_t, 2> watermarks_{batch::kMinTimestamp, batch::kMinTimestamp};
  int64_t sent_ = batch::kMinTimestamp;
  size_t checked_ = 0;  // batches whose times were looked at

 public:
  Collector collector;
  OperatorCounters counters;
  int64_t steps = 0;
  int64_t bytes_written = 0;
};

}  // namespace weir::taskmanager
