#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/failpoint.h"
#include "common/base/status_macros.h"
#include "taskmanager/task/task.h"

// The task's part in a checkpoint: design.md 5, steps 2 to 5.

namespace weir::taskmanager {
namespace {

/// A sink without a fresh transaction holds up the task for no longer, nor for more than half of the checkpoint timeout.
constexpr SteadyMicros kSealPatience = 5'000'000;

/// The asynchronous parts of one snapshot of a subtask; run in the serial queue.
struct AsyncParts {
  control::CheckpointAck ack;
  struct Part {
    size_t index;  // into ack.snapshot.operators
    bool sink;
    std::unique_ptr<AsyncSnapshot> snapshot;
  };
  std::vector<Part> parts;
};

bool IsStorageTrouble(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

/// Runs them all, sinks first: what was sealed gets its handle even when the state cannot be written. After a failure
/// nothing is acknowledged any more, also not what was taken before the task heard of it: a later checkpoint that the
/// job completes in that moment would lack what the failed part sealed.
void RunParts(AsyncParts& work, const Clock& clock, TaskEvents& events, bool& failed) {
  if (failed) return;
  const SteadyMicros begin = clock.Steady();
  absl::Status state_error;
  for (const bool sinks : {true, false}) {
    for (AsyncParts::Part& part : work.parts) {
      if (part.sink != sinks) continue;
      auto result = part.snapshot->Run();
      if (result.ok()) {
        checkpoint::OperatorSnapshot& target = work.ack.snapshot.operators[part.index];
        const int64_t watermark = target.watermark;
        target = *std::move(result);
        target.watermark = watermark;
        work.ack.state_bytes += part.snapshot->bytes_written();
      } else if (sinks || !IsStorageTrouble(result.status())) {
        failed = true;
        events.OnAsyncFailure(result.status());
        return;
      } else if (state_error.ok()) {
        state_error = result.status();
      }
    }
  }
  if (!state_error.ok()) {
    events.OnDecline(work.ack.checkpoint, state_error, /*storage_failed=*/true);
    return;
  }
  work.ack.async_micros = clock.Steady() - begin;
  events.OnAcknowledge(std::move(work.ack));
}

}  // namespace

void Task::Trigger(CheckpointId checkpoint) {
  // Said twice, it is one barrier: a second snapshot would seal, under the same id, rows that the first does not cover.
  if (checkpoint <= triggered_) return;
  triggered_ = checkpoint;
  due_.push_back(checkpoint);
}

void Task::Complete(CheckpointId checkpoint) {
  // The same again is answered again: whoever asks may not have heard the answer.
  if (checkpoint < completed_) return;
  completed_ = checkpoint;
  if (source_ != nullptr) source_->OnCheckpointComplete(checkpoint);
  for (const OperatorPtr& op : chain_.operators()) {
    if (op != nullptr) op->OnCheckpointComplete(checkpoint);
  }
}

absl::Status Task::Abort(CheckpointId checkpoint) {
  for (const OperatorPtr& op : chain_.operators()) {
    if (op != nullptr) op->OnCheckpointAborted(checkpoint);
  }
  const size_t before = due_.size();
  std::erase(due_, checkpoint);
  bool mine = due_.size() != before;
  if (draining_for_ == checkpoint) {
    draining_for_.reset();  // the drain itself goes on: it loses nothing
    seal_by_ = 0;
    mine = true;
  }
  if (mine) return CancelDownstream(checkpoint);
  return Apply(aligner_.GiveUp(checkpoint, /*decline=*/false), "aborted");
}

absl::Status Task::Adopt(CheckpointId complete, CheckpointId next) {
  if (complete > CheckpointId(0)) {
    // It is confirmed once more: the confirmation may have gone to a leader that is gone.
    options_.run_async([this] { confirming_ = CheckpointId(0); });
    Complete(complete);
  }
  std::vector<CheckpointId> given_up;
  std::erase_if(due_, [&](CheckpointId due) {
    if (due < next) given_up.push_back(due);
    return due < next;
  });
  if (draining_for_ && *draining_for_ < next) {
    given_up.push_back(*draining_for_);
    draining_for_.reset();
    seal_by_ = 0;
  }
  for (const CheckpointId checkpoint : given_up) RETURN_IF_ERROR(CancelDownstream(checkpoint));
  return Apply(aligner_.ForgetBelow(next), "a new leader");
}

absl::Status Task::CancelDownstream(CheckpointId checkpoint) {
  Element element;
  element.kind = Element::Kind::kBarrierCancelled;
  element.value = checkpoint.value;
  return chain_.Broadcast(element);
}

absl::Status Task::Apply(const BarrierAligner::Actions& actions, const char* why) {
  for (const BarrierAligner::Action& action : actions) {
    switch (action.kind) {
      case BarrierAligner::Action::Kind::kSnapshot:
        due_.push_back(action.checkpoint);
        break;
      case BarrierAligner::Action::Kind::kDecline:
        options_.events->OnDecline(action.checkpoint, absl::AbortedError(why), /*storage_failed=*/false);
        break;
      case BarrierAligner::Action::Kind::kCancelDownstream:
        RETURN_IF_ERROR(CancelDownstream(action.checkpoint));
        break;
    }
  }
  if (aligner_.started_at() != 0) RETURN_IF_ERROR(WEIR_FAILPOINT("in_alignment"));
  return absl::OkStatus();
}

absl::Status Task::ExpireAlignments(SteadyMicros now) {
  while (aligner_.started_at() != 0 && now - aligner_.started_at() >= options_.checkpoint_timeout_micros) {
    RETURN_IF_ERROR(Apply(aligner_.GiveUp(aligner_.Aligning().front(), /*decline=*/true),
                          "its barriers did not arrive on all channels within the checkpoint timeout"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Task::StepResult> Task::Seal(SteadyMicros now) {
  const CheckpointId checkpoint = *draining_for_;
  const int unready = chain_.FirstUnready();
  if (unready >= 0) {
    if (seal_by_ == 0) seal_by_ = now + std::min(options_.checkpoint_timeout_micros / 2, kSealPatience);
    if (now < seal_by_) {
      RETURN_IF_ERROR(chain_.FlushEdges());
      return StepResult{StepResult::Kind::kWaitInput, seal_by_};
    }
  }
  draining_for_.reset();
  seal_by_ = 0;
  if (unready < 0 && WEIR_BUGGIFY("decline_at_seal")) {
    options_.events->OnDecline(checkpoint, absl::AbortedError("declined by a simulation"), /*storage_failed=*/false);
    RETURN_IF_ERROR(CancelDownstream(checkpoint));
    return StepResult{};
  }
  if (unready < 0) {
    RETURN_IF_ERROR(TakeSnapshot(checkpoint));
    return StepResult{};
  }
  // Nothing was sealed: what is open stays open, and the next barrier takes it along.
  options_.events->OnDecline(checkpoint,
                             absl::AbortedError(absl::StrCat(options_.task->operators[unready].name,
                                                             ": no fresh transaction came to be ready in time")),
                             /*storage_failed=*/false);
  RETURN_IF_ERROR(CancelDownstream(checkpoint));
  return StepResult{};
}

void Task::ContinueSnapshot() {
  if (chain_.ContinueSnapshot() == Progress::kMore) return;
  options_.run_async(std::exchange(when_copied_, nullptr));
}

absl::Status Task::TakeSnapshot(CheckpointId checkpoint) {
  while (when_copied_) ContinueSnapshot();
  RETURN_IF_ERROR(WEIR_FAILPOINT("before_seal"));
  const SteadyMicros begin = options_.clock->Steady();
  auto work = std::make_shared<AsyncParts>();
  control::CheckpointAck& ack = work->ack;
  ack.checkpoint = checkpoint;
  ack.alignment_micros = aligner_.last_alignment_micros();
  ack.snapshot.subtask = options_.subtask;
  ack.snapshot.ended = source_ != nullptr ? source_end_said_ : chain_.watermark() == batch::kMaxTimestamp;
  if (source_ != nullptr) ack.snapshot.operators.push_back(source_->Snapshot(checkpoint));
  for (size_t i = 0; i < chain_.operators().size(); ++i) {
    Operator* op = chain_.operators()[i].get();
    if (op == nullptr) continue;
    checkpoint::OperatorSnapshot snapshot;
    snapshot.node = options_.task->operators[i].name;
    snapshot.watermark = chain_.watermark();
    ASSIGN_OR_RETURN(std::unique_ptr<AsyncSnapshot> part, op->Snapshot(checkpoint));
    if (part != nullptr) {
      work->parts.push_back({ack.snapshot.operators.size(),
                             options_.task->operators[i].kind == plan::OperatorKind::kSink, std::move(part)});
    }
    ack.snapshot.operators.push_back(std::move(snapshot));
  }
  RETURN_IF_ERROR(WEIR_FAILPOINT("after_seal"));
  Element barrier;
  barrier.kind = Element::Kind::kBarrier;
  barrier.value = checkpoint.value;
  RETURN_IF_ERROR(chain_.Broadcast(barrier));
  ack.sync_micros = options_.clock->Steady() - begin;
  options_.events->OnSnapshotTaken();
  when_copied_ = [work, clock = options_.clock, events = options_.events, failed = async_failed_] {
    RunParts(*work, *clock, *events, *failed);
  };
  ContinueSnapshot();
  return absl::OkStatus();
}

void Task::OnSinkCommitted(CheckpointId checkpoint, absl::Status status) {
  if (!status.ok()) {
    options_.events->OnAsyncFailure(std::move(status));
    return;
  }
  if (confirming_ != checkpoint) {
    confirming_ = checkpoint;
    confirmed_sinks_ = 0;
  }
  if (++confirmed_sinks_ == sink_count_) options_.events->OnCommitted(checkpoint);
}

}  // namespace weir::taskmanager
