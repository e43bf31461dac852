#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "taskmanager/operator/operator.h"

namespace weir::taskmanager {

/// An operator whose state is all in the keyed state of its context: a snapshot freezes that now, and writes what changed
/// when run. Open puts the context into `context_`.
/// Thread: the task's thread; AsyncSnapshot's Run on a pool thread.
class KeyedOperator : public Operator {
 public:
  /// The context's state, which lives as long as the operator. Without it somebody else keeps that.
  void Own(std::unique_ptr<KeyedState> state) { owned_ = std::move(state); }

  absl::StatusOr<std::unique_ptr<AsyncSnapshot>> Snapshot(CheckpointId checkpoint) override;
  Progress ContinueSnapshot() override;
  void OnCheckpointComplete(CheckpointId checkpoint) override { context_.state->OnCheckpointComplete(checkpoint); }
  void OnCheckpointAborted(CheckpointId checkpoint) override { context_.state->OnCheckpointAborted(checkpoint); }
  int64_t state_bytes() const override { return context_.state->memory_bytes(); }

 protected:
  OperatorContext context_;

 private:
  std::unique_ptr<KeyedState> owned_;
};

}  // namespace weir::taskmanager
