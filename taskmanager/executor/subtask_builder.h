#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taskmanager/executor/deployment.h"
#include "taskmanager/task/task.h"

namespace weir::taskmanager {

/// Makes a subtask's task: operators, state, what the checkpoint says of them; resolves its share of the handles.
///
/// Thread:  the subtask's, before it runs; every call may block on I/O.
class SubtaskBuilder {
 public:
  struct Callbacks {
    std::function<void()> wake;
    std::function<void(std::function<void()>)> run_async;
    std::function<void(CheckpointId, absl::Status)> on_sink_committed;
    TaskEvents* events = nullptr;
  };
  struct NamedSink {
    std::string name;
    std::shared_ptr<TwoPhaseCommitSink> sink;
  };
  SubtaskBuilder(const Deployment* deployment, SubtaskId id, OperatorCounters* counters, Callbacks callbacks);
  ~SubtaskBuilder();

  /// Opens operators with restored state, resolves handles. A resolver attempt does only the latter.
  absl::Status Restore();
  /// First start, subtask 0 of a source: its splits.
  absl::StatusOr<checkpoint::SourceSplits> EnumerateSplits();
  /// Restore, subtask 0 of a source: its splits, if there are more of them than recorded.
  absl::StatusOr<std::optional<checkpoint::SourceSplits>> RefreshSplits();
  /// The recorded splits. (A restored subtask has those of the manifest already.)
  absl::Status AssignSplits(const std::vector<checkpoint::SourceSplits>& sources);
  absl::Status Sweep();
  /// A resolver, of the restored checkpoint: tells the systems of all sources how far the job got. What failed.
  std::vector<std::pair<std::string, absl::Status>> TellEnd();
  /// After Restore.
  const std::vector<NamedSink>& sinks() const { return sinks_; }
  /// Connects to the receivers. After it the task may step; the builder is needed no more.
  absl::StatusOr<std::unique_ptr<Task>> Start(std::vector<TaskInput> inputs);

 private:
  absl::Status RestoreOperator(int index, const checkpoint::Manifest* manifest);
  absl::StatusOr<OperatorPtr> MakeOperator(const plan::PlanOperator& op, int index,
                                           const checkpoint::Manifest* manifest);
  /// Of what operator `index` stores. Below the attempt's own folder: the sweep of older attempts finds what no
  /// checkpoint names.
  std::string StoragePrefix(int index) const;
  SinkContext MakeSinkContext(const plan::PlanOperator& op, int index) const;
  absl::Status ResolveShare(const plan::PlanOperator& op, TwoPhaseCommitSink& sink,
                            const checkpoint::Manifest& manifest);
  /// With its table, which is read here.
  absl::StatusOr<OperatorPtr> MakeLookup(const plan::PlanOperator& op) const;
  absl::Status MakeSource(const plan::PlanOperator& op);
  SourceContext MakeSourceContext(const plan::PlanOperator& op) const;

  const Deployment* deployment_;
  const plan::Task* task_;
  SubtaskId id_;
  OperatorCounters* counters_;
  Callbacks callbacks_;
  std::unique_ptr<SourceOperator> source_;
  std::vector<OperatorPtr> operators_;
  std::vector<NamedSink> sinks_;
  std::optional<int64_t> restored_watermark_;  // the least of the operators'; nothing without operators
};

}  // namespace weir::taskmanager
