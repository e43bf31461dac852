#include "tests/unit/taskmanager/operator/contract/job_run.h"

#include <algorithm>

#include "common/checkpoint/manifest_codec.h"
#include "taskmanager/state/state_factory.h"

namespace weir::taskmanager::contract {
namespace {
/// Steps after which nothing can still be to do.
constexpr int64_t kEndless = 200'000;
const JobId kJob{"0123456789abcdef0123456789abcdef"};
}  // namespace

struct JobRun::Subtask final : TaskEvents {
  Subtask(JobRun* run, SubtaskId id) : run(run), id(id) {}
  void OnSourceEnded() override { source_ended = true; }
  void OnAcknowledge(control::CheckpointAck ack) override { run->OnAcknowledge(std::move(ack)); }
  void OnDecline(CheckpointId checkpoint, absl::Status reason, bool) override {
    run->OnDecline(checkpoint, reason);
  }
  void OnCommitted(CheckpointId) override {}
  void OnAsyncFailure(absl::Status error) override { REQUIRE_STATUS(error); }

  JobRun* run;
  SubtaskId id;
  bool is_source = false;
  bool source_ended = false;
  OperatorCounters counters;
  std::vector<TaskInput> inputs;
  std::unique_ptr<SubtaskBuilder> builder;
  std::unique_ptr<Task> task;
  std::deque<std::function<void()>> async;
  bool worked = true;
};

JobRun::JobRun(World* world, Cluster* cluster, const std::string& yaml,
               const std::optional<Completed>& restored, absl::Status* refused)
    : world_(world),
      cluster_(cluster),
      plan_(testing::PlanOf(yaml)),
      connectors_(world->Connectors()) {
  INFO(yaml);
  REQUIRE(plan_ != nullptr);
  const Attempt attempt(++cluster->attempts);
  deployment_ = std::make_unique<Deployment>();
  deployment_->fence = {LeaderEpoch(1), kJob, attempt};
  deployment_->plan = plan_;
  deployment_->storage = cluster->storage;
  if (restored) {
    deployment_->restored =
        std::make_shared<RestoredManifest>(cluster->storage, restored->manifest);
    late_before_ = restored->late_rows;
  }
  deployment_->connectors = &connectors_;
  deployment_->transport = &transport_;
  deployment_->clock = &cluster->clock;
  deployment_->open_state = [](KeyedStateOptions options,
                               std::shared_ptr<checkpoint::Storage> storage,
                               const std::vector<checkpoint::KeyedSnapshot>& parts) {
    options.min_delta_bytes = 16 << 10;  // bases are made now and then
    return OpenKeyedState(std::move(options), std::move(storage), parts);
  };
  deployment_->send = [](control::ToJobManager) {};
  deployment_->local_dir = cluster->folder.path() + "/" + std::to_string(cluster->attempts);
  deployment_->state_memory_bytes = cluster->state_memory;
  for (const plan::Task& task : plan_->tasks) {
    for (int s = 0; s < task.parallelism; ++s) {
      subtasks_.push_back(std::make_unique<Subtask>(this, SubtaskId{task.index, s}));
      deployment_->placements[subtasks_.back()->id] = {subtasks_.back()->id, "tm", "",
                                                       Incarnation(1)};
    }
  }
  for (auto& subtask : subtasks_) {
    const plan::Task& task = plan_->tasks[subtask->id.task];
    subtask->is_source = task.operators[0].kind == plan::OperatorKind::kSource;
    for (const int e : task.inputs) {
      const plan::Edge& edge = plan_->edges[e];
      for (int s = 0; s < plan_->tasks[edge.from_task].parallelism; ++s) {
        if (edge.kind == plan::EdgeKind::kForward && s != subtask->id.index) continue;
        const ChannelId channel{kJob, attempt, e, s, subtask->id.index};
        subtask->inputs.push_back({transport_.Register(channel, [] {}), edge.schema, edge.to_side});
      }
    }
    SubtaskBuilder::Callbacks callbacks;
    callbacks.wake = [] {};
    callbacks.run_async = [s = subtask.get()](std::function<void()> work) {
      s->async.push_back(std::move(work));
    };
    callbacks.on_sink_committed = [s = subtask.get()](CheckpointId checkpoint,
                                                      absl::Status status) {
      s->task->OnSinkCommitted(checkpoint, std::move(status));
    };
    callbacks.events = subtask.get();
    subtask->builder = std::make_unique<SubtaskBuilder>(deployment_.get(), subtask->id,
                                                        &subtask->counters, std::move(callbacks));
    const absl::Status began = subtask->builder->Restore();
    if (refused != nullptr && !began.ok()) {
      *refused = began;
      return;
    }
    REQUIRE_STATUS(began);
    if (subtask->is_source && subtask->id.index == 0) {
      if (restored) {
        auto manifest = deployment_->restored->Get();
        REQUIRE(manifest.ok());
        splits_ = (*manifest)->sources;
      } else {
        auto found = subtask->builder->EnumerateSplits();
        REQUIRE(found.ok());
        splits_.push_back(*std::move(found));
      }
    }
  }
  world_->AbortRest();
  for (auto& subtask : subtasks_) {
    if (subtask->is_source && !restored) REQUIRE_STATUS(subtask->builder->AssignSplits(splits_));
    auto task = subtask->builder->Start(std::move(subtask->inputs));
    INFO(task.status().ToString());
    REQUIRE(task.ok());
    subtask->task = *std::move(task);
  }
}

JobRun::~JobRun() {
  for (auto& subtask : subtasks_) subtask->async.clear();
}

void JobRun::Step(Subtask& subtask) {
  auto result = subtask.task->Step();
  if (!result.ok())
    FAIL(plan_->tasks[subtask.id.task].name << " " << subtask.id.index << ": " << result.status());
  subtask.worked = result->kind == Task::StepResult::Kind::kWorked;
}

bool JobRun::RunAsync(Subtask& subtask) {
  if (subtask.async.empty()) return false;
  auto work = std::move(subtask.async.front());
  subtask.async.pop_front();
  work();
  return true;
}

void JobRun::StepOne() {
  Subtask& subtask = *subtasks_[world_->rng.Below(subtasks_.size())];
  if (world_->rng.Below(4) == 0 && RunAsync(subtask)) return;
  // Often many steps at once: the others fall behind.
  for (uint64_t n = 1 + world_->rng.Below(world_->rng.Below(8) == 0 ? 60 : 6); n > 0; --n) {
    Step(subtask);
    if (!subtask.worked) return;
  }
}

void JobRun::Settle() {
  // What is flushed in one quiet round is work of the next.
  int64_t steps = 0;
  for (int quiet = 0; quiet < 3;) {
    bool worked = false;
    const size_t first = world_->rng.Below(subtasks_.size());
    for (size_t i = 0; i < subtasks_.size(); ++i) {
      Subtask& subtask = *subtasks_[(first + i) % subtasks_.size()];
      do {
        Step(subtask);
        worked |= subtask.worked;
        if (++steps > kEndless) FAIL(plan_->tasks[subtask.id.task].name << " never comes to rest");
      } while (subtask.worked);
      while (RunAsync(subtask)) worked = true;
    }
    quiet = worked ? 0 : quiet + 1;
  }
}

bool JobRun::ended() const {
  return std::all_of(subtasks_.begin(), subtasks_.end(), [](const auto& s) {
    return s->is_source ? s->source_ended : s->task->watermark() == batch::kMaxTimestamp;
  });
}

void JobRun::Trigger() {
  if (pending_) return;
  pending_.emplace();
  pending_->job = kJob;
  pending_->id = CheckpointId(++cluster_->checkpoints);
  pending_->attempt = deployment_->fence.attempt;
  pending_->sources = splits_;
  pending_events_ = world_->released();
  for (auto& subtask : subtasks_) {
    if (subtask->is_source) subtask->task->Trigger(pending_->id);
  }
}

void JobRun::Abort() {
  if (!pending_) return;
  const CheckpointId id = pending_->id;
  pending_.reset();
  for (auto& subtask : subtasks_) REQUIRE_STATUS(subtask->task->Abort(id));
}

void JobRun::OnAcknowledge(control::CheckpointAck ack) {
  if (!pending_ || ack.checkpoint != pending_->id) return;
  pending_->subtasks.push_back(std::move(ack.snapshot));
  if (pending_->subtasks.size() < subtasks_.size()) return;
  const CheckpointId id = pending_->id;
  auto file = cluster_->storage->Write("manifest-" + std::to_string(id.value),
                                       checkpoint::EncodeManifest(*pending_));
  REQUIRE(file.ok());
  last_ = Completed{*file, pending_events_, late_rows()};
  pending_.reset();
  for (auto& subtask : subtasks_) subtask->task->Complete(id);
}

void JobRun::OnDecline(CheckpointId, const absl::Status& reason) {
  INFO(reason.ToString());
  CHECK(!pending_);  // only what was given up before
}

Completed JobRun::Checkpoint() {
  if (pending_) Settle();
  Trigger();
  Settle();
  REQUIRE(!pending_);
  return *last_;
}

int64_t JobRun::WatermarkOf(const std::string& op) const {
  int64_t least = batch::kMaxTimestamp;
  for (const auto& subtask : subtasks_) {
    for (const plan::PlanOperator& one : plan_->tasks[subtask->id.task].operators) {
      if (one.name == op) least = std::min(least, subtask->task->watermark());
    }
  }
  return least;
}

int64_t JobRun::late_rows() const {
  int64_t rows = late_before_;
  for (const auto& subtask : subtasks_) rows += subtask->counters.late_rows;
  return rows;
}

int64_t JobRun::state_bytes() const {
  int64_t bytes = 0;
  for (const auto& subtask : subtasks_) bytes += subtask->task->state_bytes();
  return bytes;
}

}  // namespace weir::taskmanager::contract
