#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "taskmanager/connector/two_phase_commit_sink.h"
#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// The handles of a sink subtask that are pre-committed and not committed, oldest first.
/// Thread: confined to the subtask's serial queue of asynchronous work.
struct PendingHandles {
  std::vector<checkpoint::SinkHandle> handles;
};

/// Runs a two-phase-commit sink: seals at the barrier, pre-commits behind it, commits when the checkpoint is complete.
///
/// Thread:  the task's thread; pre-commit and commit run in the subtask's serial queue, in order.
/// Invariant: a handle leaves the list only when it is committed; every acknowledgement names all that are left.
class SinkOperator final : public Operator {
 public:
  /// `run_async` puts work into the subtask's serial queue; `on_committed(n, status)` is called there.
  struct Options {
    std::function<void(std::function<void()>)> run_async;
    std::function<void(CheckpointId, absl::Status)> on_committed;
  };
  SinkOperator(Options options, std::unique_ptr<TwoPhaseCommitSink> sink);

  absl::Status Open(const OperatorContext& context) override;
  absl::Status Process(batch::Batch batch, Output& output) override;
  absl::Status OnIdle(Output& output) override { return sink_->Flush(); }
  bool ReadyToSnapshot() const override { return sink_->ReadyToSeal(); }
  absl::StatusOr<std::unique_ptr<AsyncSnapshot>> Snapshot(CheckpointId checkpoint) override;
  void OnCheckpointComplete(CheckpointId checkpoint) override;

  std::shared_ptr<TwoPhaseCommitSink> shared_sink() const { return sink_; }

 private:
  Options options_;
  std::shared_ptr<TwoPhaseCommitSink> sink_;  // shared with work in the queue
  std::shared_ptr<PendingHandles> pending_;
  OperatorContext context_;
};

/// Commits or finds committed every handle, in checkpoint order for each former owner. Handles of another kind of
/// sink: kFailedPrecondition, and none is touched. Thread: may block on I/O.
absl::Status ResolveHandles(TwoPhaseCommitSink& sink, std::vector<checkpoint::SinkHandle> handles,
                            const std::string& node);

}  // namespace weir::taskmanager
