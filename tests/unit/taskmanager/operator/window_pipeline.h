#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/batch/key.h"
#include "taskmanager/operator/window/window_aggregate_operator.h"
#include "taskmanager/state/state_factory.h"
#include "tests/support/memory_storage.h"
#include "tests/unit/taskmanager/operator/operator_harness.h"

namespace weir::taskmanager {

/// Where state and checkpoints of a test lie.
struct StateHome {
  std::string backend = "memory";
  int64_t memory_budget = int64_t{256} << 20;
  testing::TemporaryFolder folder;
  std::shared_ptr<tests::MemoryStorage> storage = std::make_shared<tests::MemoryStorage>();
  int opened = 0;
  std::unique_ptr<KeyedState> Open(batch::KeyGroupRange range,
                                   const std::vector<checkpoint::KeyedSnapshot>& restored) {
    KeyedStateOptions options;
    options.backend = backend;
    options.local_dir = folder.path() + "/" + std::to_string(++opened);
    options.storage_prefix = "job/state/" + std::to_string(opened) + "/";
    options.range = range;
    options.memory_budget_bytes = memory_budget;
    options.min_delta_bytes = 16 << 10;  // bases are made now and then
    auto state = OpenKeyedState(options, storage, restored);
    INFO(state.status().ToString());
    REQUIRE(state.ok());
    return *std::move(state);
  }
};

/// What a restart goes on with.
struct PipelineSnapshot {
  std::vector<checkpoint::KeyedSnapshot> keyed;
  int64_t source_watermark = batch::kMinTimestamp;
  int64_t window_watermark = batch::kMinTimestamp;
};

/// The operators of a job from its source to its window, in `senders` and `receivers` subtasks,
/// with the hash exchange between them: batches go through their wire form, watermarks are the
/// least of the senders'.
class WindowPipeline {
 public:
  WindowPipeline(std::shared_ptr<const plan::ExecutionPlan> plan, StateHome* home, int senders,
                 int receivers, const PipelineSnapshot* restored)
      : plan_(std::move(plan)), collector(std::make_unique<Collector>()) {
    for (const plan::Edge& edge : plan_->edges) {
      if (plan_->tasks[edge.to_task].operators[0].kind == plan::OperatorKind::kWindowAggregate)
        edge_ = &edge;
    }
    REQUIRE(edge_ != nullptr);
    const plan::Task& from = plan_->tasks[edge_->from_task];
    const plan::PlanOperator& window = plan_->tasks[edge_->to_task].operators[0];
    for (int r = 0; r < receivers; ++r) {
      states_.push_back(home->Open(
          batch::RangeOf(r, receivers, plan_->max_parallelism),
          restored != nullptr ? restored->keyed : std::vector<checkpoint::KeyedSnapshot>{}));
      OperatorContext context = ContextOf(window, r, receivers, restored != nullptr);
      context.state = states_.back().get();
      if (restored != nullptr) context.restored_watermark = restored->window_watermark;
      windows_.push_back(std::make_unique<WindowAggregateOperator>());
      REQUIRE_STATUS(windows_.back()->Open(context));
    }
    if (restored != nullptr) sent_ = restored->window_watermark;
    watermarks_.assign(static_cast<size_t>(senders),
                       restored != nullptr ? restored->source_watermark : batch::kMinTimestamp);
    for (int s = 0; s < senders; ++s) {
      senders_.emplace_back();
      // A chain of one line: each operator feeds the next, the last one the exchange.
      for (size_t i = 1; i <= static_cast<size_t>(edge_->from_operator); ++i) {
        senders_.back().push_back(MakeOperator(from.operators[i].kind));
        OperatorContext context = ContextOf(from.operators[i], s, senders, restored != nullptr);
        if (restored != nullptr) context.restored_watermark = restored->source_watermark;
        REQUIRE_STATUS(senders_.back().back()->Open(context));
      }
    }
  }

  const batch::SchemaPtr& source_schema() const {
    return plan_->tasks[edge_->from_task].operators[0].output;
  }
  int64_t watermark() const { return sent_; }
  int64_t watermark_of(int sender) const { return watermarks_[static_cast<size_t>(sender)]; }

  absl::Status Feed(int sender, batch::Batch batch) {
    return Chain{this, sender, 0}.Emit(kMainPort, std::move(batch));
  }

  /// The sender's watermark has come to `to`.
  absl::Status Advance(int sender, int64_t to) {
    auto& chain = senders_[static_cast<size_t>(sender)];
    for (size_t i = 0; i < chain.size(); ++i) {
      Chain next{this, sender, i + 1};
      for (;;) {
        auto progress = chain[i]->AdvanceWatermark(to, next);
        if (!progress.ok()) return progress.status();
        if (*progress == Progress::kDone) break;
      }
    }
    int64_t& mine = watermarks_[static_cast<size_t>(sender)];
    mine = std::max(mine, to);
    const int64_t least = *std::min_element(watermarks_.begin(), watermarks_.end());
    if (least <= sent_) return absl::OkStatus();
    sent_ = least;
    for (auto& window : windows_) {
      for (;;) {
        auto progress = window->AdvanceWatermark(least, *collector);
        if (!progress.ok()) return progress.status();
        if (*progress == Progress::kDone) break;
      }
    }
    return absl::OkStatus();
  }

  /// Barrier `id`: drains, freezes, writes; `complete`: tells the operators what became of it.
  PipelineSnapshot Checkpoint(int64_t id, bool complete = true) {
    for (size_t s = 0; s < senders_.size(); ++s) {
      for (size_t i = 0; i < senders_[s].size(); ++i) {
        Chain next{this, static_cast<int>(s), i + 1};
        for (;;) {
          auto progress = senders_[s][i]->Drain(next);
          REQUIRE(progress.ok());
          if (*progress == Progress::kDone) break;
        }
      }
    }
    PipelineSnapshot snapshot;
    snapshot.source_watermark = *std::min_element(watermarks_.begin(), watermarks_.end());
    snapshot.window_watermark = sent_;
    for (auto& window : windows_) {
      auto part = window->Snapshot(CheckpointId(id));
      REQUIRE(part.ok());
      auto written = (*part)->Run();
      INFO(written.status().ToString());
      REQUIRE(written.ok());
      for (auto& keyed : written->keyed) snapshot.keyed.push_back(std::move(keyed));
    }
    for (auto& window : windows_) {
      complete ? window->OnCheckpointComplete(CheckpointId(id))
               : window->OnCheckpointAborted(CheckpointId(id));
    }
    return snapshot;
  }

 private:
  /// In front of operator `at` of a sender; behind the last one lies the exchange.
  struct Chain final : Output {
    Chain(WindowPipeline* pipeline, int sender, size_t at)
        : pipeline(pipeline), sender(sender), at(at) {}
    absl::Status Emit(int port, batch::Batch batch) override {
      auto& chain = pipeline->senders_[static_cast<size_t>(sender)];
      if (port != kMainPort) return pipeline->collector->Emit(port, std::move(batch));
      if (at == chain.size()) return pipeline->Exchange(std::move(batch));
      Chain next{pipeline, sender, at + 1};
      return chain[at]->Process(std::move(batch), next);
    }
    WindowPipeline* pipeline;
    int sender;
    size_t at;
  };

  absl::Status Exchange(batch::Batch batch) {
    batch::KeyBatch keys;
    batch::MakeKeys(batch, edge_->keys, &keys);
    std::map<int, std::vector<uint32_t>> parts;
    const auto receivers = static_cast<int>(windows_.size());
    for (uint32_t i = 0; i < batch.rows; ++i) {
      const uint16_t group = batch::KeyGroupOf(keys.hashes[i], plan_->max_parallelism);
      parts[edge_->keys.empty() ? 0 : batch::SubtaskOf(group, receivers, plan_->max_parallelism)]
          .push_back(i);
    }
    for (const auto& [receiver, rows] : parts) {
      std::string wire;
      batch::EncodeBatch(batch.Gather(rows.data(), static_cast<int64_t>(rows.size())), &wire);
      auto decoded = batch::DecodeBatch(edge_->schema, batch::Buffer::Copy(wire));
      INFO(decoded.status().ToString());
      REQUIRE(decoded.ok());
      const absl::Status status =
          windows_[static_cast<size_t>(receiver)]->Process(*std::move(decoded), *collector);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  OperatorContext ContextOf(const plan::PlanOperator& op, int subtask, int parallelism,
                            bool restore) {
    OperatorContext context;
    context.plan = &op;
    context.execution_plan = plan_.get();
    context.subtask = {0, subtask};
    context.parallelism = parallelism;
    context.max_parallelism = plan_->max_parallelism;
    context.is_restore = restore;
    context.clock = &clock_;
    context.counters = &counters;
    return context;
  }

  std::shared_ptr<const plan::ExecutionPlan> plan_;
  const plan::Edge* edge_ = nullptr;
  ManualClock clock_;
  std::vector<std::unique_ptr<KeyedState>> states_;
  std::vector<std::unique_ptr<WindowAggregateOperator>> windows_;
  std::vector<std::vector<OperatorPtr>> senders_;
  std::vector<int64_t> watermarks_;
  int64_t sent_ = batch::kMinTimestamp;

 public:
  std::unique_ptr<Collector> collector;
  OperatorCounters counters;
};

}  // namespace weir::taskmanager
