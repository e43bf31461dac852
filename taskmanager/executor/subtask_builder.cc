#include "taskmanager/executor/subtask_builder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/paths.h"
#include "taskmanager/operator/basic/filter_operator.h"
#include "taskmanager/operator/basic/select_operator.h"
#include "taskmanager/operator/join/interval_join_operator.h"
#include "taskmanager/operator/join/lookup_join_operator.h"
#include "taskmanager/operator/join/window_join_operator.h"
#include "taskmanager/operator/keyed_operator.h"
#include "taskmanager/operator/rank/rank_operators.h"
#include "taskmanager/operator/sink_operator.h"
#include "taskmanager/operator/window/local_aggregate_operator.h"
#include "taskmanager/operator/window/session_aggregate_operator.h"
#include "taskmanager/operator/window/window_aggregate_operator.h"

namespace weir::taskmanager {
namespace {

/// The name an operator had in the checkpoint: its own, or that of before a rename.
std::string NameInCheckpoint(const plan::PlanOperator& op, const job::Node& node,
                             const checkpoint::Manifest& manifest) {
  if (node.renamed_from.empty()) return op.name;
  for (const checkpoint::SubtaskSnapshot& subtask : manifest.subtasks) {
    for (const checkpoint::OperatorSnapshot& snapshot : subtask.operators) {
      if (snapshot.node == op.name) return op.name;
    }
  }
  return node.renamed_from + op.name.substr(node.name.size());
}

std::vector<checkpoint::OperatorSnapshot> SnapshotsOf(const std::string& name, const checkpoint::Manifest& manifest) {
  std::vector<checkpoint::OperatorSnapshot> out;
  for (const checkpoint::SubtaskSnapshot& subtask : manifest.subtasks) {
    for (const checkpoint::OperatorSnapshot& snapshot : subtask.operators) {
      if (snapshot.node == name) out.push_back(snapshot);
    }
  }
  return out;
}

}  // namespace

SubtaskBuilder::SubtaskBuilder(const Deployment* deployment, SubtaskId id, OperatorCounters* counters,
                               Callbacks callbacks)
    : deployment_(deployment), task_(&deployment->plan->tasks[id.task]), id_(id), counters_(counters),
      callbacks_(std::move(callbacks)) {}

SubtaskBuilder::~SubtaskBuilder() = default;

absl::Status SubtaskBuilder::Restore() {
  std::shared_ptr<const checkpoint::Manifest> manifest;
  if (deployment_->restored != nullptr) {
    ASSIGN_OR_RETURN(manifest, deployment_->restored->Get());
  }
  for (int i = 0; i < static_cast<int>(task_->operators.size()); ++i) {
    RETURN_IF_ERROR(RestoreOperator(i, manifest.get()));
  }
  return absl::OkStatus();
}

absl::Status SubtaskBuilder::RestoreOperator(int index, const checkpoint::Manifest* manifest) {
  const plan::PlanOperator& op = task_->operators[index];
  if (op.kind == plan::OperatorKind::kSource) {
    operators_.push_back(nullptr);
    if (deployment_->resolve_only) return absl::OkStatus();
    RETURN_IF_ERROR(MakeSource(op));
    return manifest == nullptr ? absl::OkStatus() : AssignSplits(manifest->sources);
  }
  if (deployment_->resolve_only && op.kind != plan::OperatorKind::kSink) {
    operators_.push_back(nullptr);
    return absl::OkStatus();
  }
  OperatorContext context;
  std::vector<checkpoint::OperatorSnapshot> restored;
  if (manifest != nullptr) {
    restored = SnapshotsOf(NameInCheckpoint(op, deployment_->plan->node(op), *manifest), *manifest);
    context.is_restore = true;
    context.restored_watermark = restored.empty() ? batch::kMinTimestamp : batch::kMaxTimestamp;
    for (const checkpoint::OperatorSnapshot& snapshot : restored) {
      context.restored_watermark = std::min(context.restored_watermark, snapshot.watermark);
    }
  }
  restored_watermark_ = std::min(restored_watermark_.value_or(batch::kMaxTimestamp), context.restored_watermark);
  ASSIGN_OR_RETURN(OperatorPtr made, MakeOperator(op, index, manifest));
  context.plan = &op;
  context.execution_plan = deployment_->plan.get();
  context.job = deployment_->fence.job;
  context.job_name = deployment_->plan->spec->name;
  context.attempt = deployment_->fence.attempt;
  context.subtask = id_;
  context.parallelism = task_->parallelism;
  context.max_parallelism = deployment_->plan->max_parallelism;
  context.exactly_once = deployment_->plan->spec->guarantee == job::Guarantee::kExactlyOnce;
  context.clock = deployment_->clock;
  context.wake = callbacks_.wake;
  context.counters = counters_;
  if (auto* const keyed = dynamic_cast<KeyedOperator*>(made.get())) {
    KeyedStateOptions options;
    options.backend = std::string(job::ToString(deployment_->plan->spec->backend));
    const std::string name = absl::StrCat(id_.task, "-", id_.index, "-", index);
    options.local_dir = absl::StrCat(deployment_->local_dir, "/", name);
    options.storage_prefix = StoragePrefix(index);
    options.max_parallelism = deployment_->plan->max_parallelism;
    options.range = batch::RangeOf(id_.index, task_->parallelism, options.max_parallelism);
    options.memory_budget_bytes = deployment_->state_memory_bytes;
    std::vector<checkpoint::KeyedSnapshot> parts;
    for (const checkpoint::OperatorSnapshot& snapshot : restored) {
      for (const checkpoint::KeyedSnapshot& part : snapshot.keyed) {
        if (part.range.begin < options.range.end && options.range.begin < part.range.end) parts.push_back(part);
      }
    }
    ASSIGN_OR_RETURN(std::unique_ptr<KeyedState> state,
                     deployment_->open_state(options, deployment_->storage, parts));
    context.state = state.get();
    keyed->Own(std::move(state));
  }
  context.restored = std::move(restored);
  if (!deployment_->resolve_only) RETURN_IF_ERROR(made->Open(context));
  operators_.push_back(std::move(made));
  return absl::OkStatus();
}

std::string SubtaskBuilder::StoragePrefix(int index) const {
  return absl::StrCat(checkpoint::StatePrefix(deployment_->fence.job, deployment_->fence.attempt, id_), index, "-");
}

SinkContext SubtaskBuilder::MakeSinkContext(const plan::PlanOperator& op, int index) const {
  const job::JobSpec& spec = *deployment_->plan->spec;
  SinkContext context;
  context.node = &deployment_->plan->node(op);
  context.schema = op.input;
  context.job = deployment_->fence.job;
  context.attempt = deployment_->fence.attempt;
  context.subtask = id_.index;
  context.parallelism = task_->parallelism;
  context.exactly_once = spec.guarantee == job::Guarantee::kExactlyOnce;
  context.clock = deployment_->clock;
  context.job_name = spec.name;
  context.checkpoint_interval_micros = spec.checkpoint.interval;
  context.checkpoint_timeout_micros = spec.checkpoint.timeout;
  context.max_concurrent_checkpoints = spec.checkpoint.max_concurrent;
  context.tolerable_failures = spec.checkpoint.tolerable_failures;
  context.former_job = deployment_->former_job;
  context.unresolved = deployment_->unresolved;
  context.storage = deployment_->storage;
  context.storage_prefix = StoragePrefix(index);
  context.memory_bytes = deployment_->client_memory_bytes;
  context.wake = callbacks_.wake;
  return context;
}

absl::StatusOr<OperatorPtr> SubtaskBuilder::MakeOperator(const plan::PlanOperator& op, int index,
                                                         const checkpoint::Manifest* manifest) {
  switch (op.kind) {
    case plan::OperatorKind::kFilter: return std::make_unique<FilterOperator>();
    case plan::OperatorKind::kSelect: return std::make_unique<SelectOperator>();
    case plan::OperatorKind::kUnion: return std::make_unique<UnionOperator>();
    case plan::OperatorKind::kLocalAggregate: return std::make_unique<LocalAggregateOperator>();
    case plan::OperatorKind::kWindowAggregate:
      if (op.window->kind == job::Window::Kind::kSession) return std::make_unique<SessionAggregateOperator>();
      return std::make_unique<WindowAggregateOperator>();
    case plan::OperatorKind::kSource: break;
    case plan::OperatorKind::kLocalTopN:
    case plan::OperatorKind::kTopN:
    case plan::OperatorKind::kDeduplicate: return MakeRankOperator(op);
    case plan::OperatorKind::kWindowJoin: return std::make_unique<WindowJoinOperator>();
    case plan::OperatorKind::kIntervalJoin: return std::make_unique<IntervalJoinOperator>();
    case plan::OperatorKind::kLookupJoin: return MakeLookup(op);
    case plan::OperatorKind::kSink: {
      const SinkContext context = MakeSinkContext(op, index);
      const auto factory = deployment_->connectors->sinks.find(context.node->type);
      if (factory == deployment_->connectors->sinks.end()) {
        return absl::InternalError(absl::StrCat(op.name, ": no sink of type `", context.node->type, "` in this build"));
      }
      ASSIGN_OR_RETURN(std::unique_ptr<TwoPhaseCommitSink> sink, factory->second(context));
      if (manifest != nullptr && !manifest->self_contained) RETURN_IF_ERROR(ResolveShare(op, *sink, *manifest));
      auto made = std::make_unique<SinkOperator>(
          SinkOperator::Options{callbacks_.run_async, callbacks_.on_sink_committed}, std::move(sink));
      sinks_.push_back({op.name, made->shared_sink()});
      return made;
    }
  }
  return absl::InternalError(absl::StrCat(op.name, ": unknown operator"));
}

absl::StatusOr<OperatorPtr> SubtaskBuilder::MakeLookup(const plan::PlanOperator& op) const {
  if (deployment_->connectors->table == nullptr) {
    return absl::InternalError(absl::StrCat(op.name, ": this build reads no tables"));
  }
  SourceContext context = MakeSourceContext(op);
  context.schema = op.lookup->table;
  auto table = deployment_->connectors->table(context);
  if (!table.ok()) return Annotate(table.status(), op.name);
  return std::make_unique<LookupJoinOperator>(std::move(table->rows), std::move(table->digest));
}

absl::Status SubtaskBuilder::ResolveShare(const plan::PlanOperator& op, TwoPhaseCommitSink& sink,
                                          const checkpoint::Manifest& manifest) {
  std::vector<checkpoint::SinkHandle> share;
  const std::string name = NameInCheckpoint(op, deployment_->plan->node(op), manifest);
  for (const checkpoint::OperatorSnapshot& snapshot : SnapshotsOf(name, manifest)) {
    for (const checkpoint::SinkHandle& handle : snapshot.handles) {
      if (deployment_->resolve_only || handle.owner_subtask % task_->parallelism == id_.index) share.push_back(handle);
    }
  }
  return ResolveHandles(sink, std::move(share), op.name);
}

SourceContext SubtaskBuilder::MakeSourceContext(const plan::PlanOperator& op) const {
  SourceContext context;
  context.node = &deployment_->plan->node(op);
  context.schema = op.output;
  context.errors_schema = plan::ErrorsSchema();
  context.subtask = id_.index;
  context.parallelism = task_->parallelism;
  context.clock = deployment_->clock;
  context.wake = callbacks_.wake;
  context.job = deployment_->fence.job;
  context.attempt = deployment_->fence.attempt;
  context.job_name = deployment_->plan->spec->name;
  context.exactly_once = deployment_->plan->spec->guarantee == job::Guarantee::kExactlyOnce;
  context.memory_bytes = deployment_->client_memory_bytes;
  return context;
}

absl::Status SubtaskBuilder::MakeSource(const plan::PlanOperator& op) {
  const SourceContext context = MakeSourceContext(op);
  const auto factory = deployment_->connectors->sources.find(context.node->type);
  if (factory == deployment_->connectors->sources.end()) {
    return absl::InternalError(absl::StrCat(op.name, ": no source of type `", context.node->type, "` in this build"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<SourceReader> reader, factory->second.reader(context));
  SourceOperator::Options options;
  options.plan = &op;
  options.node = context.node;
  options.subtask = id_.index;
  options.parallelism = task_->parallelism;
  options.clock = deployment_->clock;
  options.counters = counters_;
  source_ = std::make_unique<SourceOperator>(options, std::move(reader));
  return absl::OkStatus();
}

absl::StatusOr<checkpoint::SourceSplits> SubtaskBuilder::EnumerateSplits() {
  const plan::PlanOperator& op = task_->operators[0];
  const SourceContext context = MakeSourceContext(op);
  ASSIGN_OR_RETURN(std::unique_ptr<SplitEnumerator> enumerator,
                   deployment_->connectors->sources.at(context.node->type).enumerator(context));
  checkpoint::SourceSplits found;
  found.node = op.name;
  ASSIGN_OR_RETURN(found.splits, enumerator->Enumerate(task_->parallelism));
  return found;
}

absl::StatusOr<std::optional<checkpoint::SourceSplits>> SubtaskBuilder::RefreshSplits() {
  const plan::PlanOperator& op = task_->operators[0];
  if (op.bounded) return std::nullopt;
  ASSIGN_OR_RETURN(const auto manifest, deployment_->restored->Get());
  const std::string name = NameInCheckpoint(op, deployment_->plan->node(op), *manifest);
  const SourceContext context = MakeSourceContext(op);
  for (const checkpoint::SourceSplits& source : manifest->sources) {
    if (source.node != name && source.node != op.name) continue;
    ASSIGN_OR_RETURN(std::unique_ptr<SplitEnumerator> enumerator,
                     deployment_->connectors->sources.at(context.node->type).enumerator(context));
    ASSIGN_OR_RETURN(auto splits, enumerator->Refresh(source.splits));
    if (!splits || splits->size() == source.splits.size()) return std::nullopt;
    if (splits->size() < source.splits.size() ||
        !std::equal(source.splits.begin(), source.splits.end(), splits->begin())) {
      return absl::InternalError(absl::StrCat(op.name, ": the list of splits did not grow at its end"));
    }
    return checkpoint::SourceSplits{op.name, *std::move(splits)};
  }
  return std::nullopt;
}

absl::Status SubtaskBuilder::AssignSplits(const std::vector<checkpoint::SourceSplits>& sources) {
  const plan::PlanOperator& op = task_->operators[0];
  if (op.kind != plan::OperatorKind::kSource) return absl::OkStatus();
  std::map<int32_t, checkpoint::SplitState> restored;
  std::string name = op.name;
  if (deployment_->restored != nullptr) {
    ASSIGN_OR_RETURN(const auto manifest, deployment_->restored->Get());
    name = NameInCheckpoint(op, deployment_->plan->node(op), *manifest);
    for (const checkpoint::OperatorSnapshot& snapshot : SnapshotsOf(name, *manifest)) {
      for (const checkpoint::SplitState& split : snapshot.splits) restored[split.split] = split;
    }
  }
  for (const checkpoint::SourceSplits& source : sources) {
    if (source.node == name || source.node == op.name) return source_->Assign(source.splits, restored);
  }
  return absl::FailedPreconditionError(
      absl::StrCat(op.name, ": the checkpoint knows no such source; a source that was renamed needs renamed_from"));
}

absl::Status SubtaskBuilder::Sweep() {
  if (!sinks_.empty()) RETURN_IF_ERROR(WEIR_FAILPOINT("before_sweep"));
  for (const NamedSink& named : sinks_) RETURN_IF_ERROR(Annotate(named.sink->Sweep(), named.name));
  return absl::OkStatus();
}

std::vector<std::pair<std::string, absl::Status>> SubtaskBuilder::TellEnd() {
  std::vector<std::pair<std::string, absl::Status>> failed;
  if (deployment_->restored == nullptr) return failed;
  const auto manifest = deployment_->restored->Get();
  if (!manifest.ok()) return failed;  // said when it was resolved
  for (const plan::Task& task : deployment_->plan->tasks) {
    const plan::PlanOperator& op = task.operators[0];
    if (op.kind != plan::OperatorKind::kSource) continue;
    const auto factory = deployment_->connectors->sources.find(deployment_->plan->node(op).type);
    if (factory == deployment_->connectors->sources.end() || !factory->second.tell_end) continue;
    std::vector<SplitPosition> positions;
    for (const checkpoint::SourceSplits& source : (*manifest)->sources) {
      if (source.node != op.name) continue;
      for (const checkpoint::SourceSplits::Split& split : source.splits) positions.push_back({split, "", false});
    }
    for (const checkpoint::OperatorSnapshot& snapshot : SnapshotsOf(op.name, **manifest)) {
      for (const checkpoint::SplitState& split : snapshot.splits) {
        if (split.split < 0 || split.split >= static_cast<int32_t>(positions.size())) continue;
        SplitPosition& at = positions[static_cast<size_t>(split.split)];
        at.position = split.position;
        at.ended = split.ended;
      }
    }
    const absl::Status status = factory->second.tell_end(MakeSourceContext(op), positions);
    if (!status.ok()) failed.emplace_back(op.name, status);
  }
  return failed;
}

absl::StatusOr<std::unique_ptr<Task>> SubtaskBuilder::Start(std::vector<TaskInput> inputs) {
  std::vector<std::unique_ptr<EdgeWriter>> writers;
  for (const int e : task_->outputs) {
    const plan::Edge& edge = deployment_->plan->edges[e];
    const int receivers = deployment_->plan->tasks[edge.to_task].parallelism;
    std::vector<std::unique_ptr<OutputChannel>> channels;
    for (int r = 0; r < receivers; ++r) {
      if (edge.kind == plan::EdgeKind::kForward && r != id_.index) continue;
      const control::SubtaskPlacement& place = deployment_->placements.at({edge.to_task, r});
      const ChannelId channel{deployment_->fence.job, deployment_->fence.attempt, e, id_.index, r};
      ASSIGN_OR_RETURN(channels.emplace_back(),
                       deployment_->transport->Connect(channel, place.address, place.incarnation, callbacks_.wake));
    }
    writers.push_back(std::make_unique<EdgeWriter>(&edge, deployment_->plan->max_parallelism, std::move(channels)));
  }
  Task::Options options;
  options.subtask = id_;
  options.plan = deployment_->plan.get();
  options.task = task_;
  options.clock = deployment_->clock;
  options.exactly_once = deployment_->plan->spec->guarantee == job::Guarantee::kExactlyOnce;
  options.checkpoint_timeout_micros = deployment_->plan->spec->checkpoint.timeout;
  options.counters = counters_;
  options.events = callbacks_.events;
  options.run_async = callbacks_.run_async;
  auto task = std::make_unique<Task>(options, std::move(source_), std::move(operators_), std::move(inputs),
                                     restored_watermark_.value_or(batch::kMinTimestamp));
  task->Start(std::move(writers));
  return task;
}

}  // namespace weir::taskmanager
