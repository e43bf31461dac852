#include "taskmanager/task/task.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {

Task::Task(Options options, std::unique_ptr<SourceOperator> source, std::vector<OperatorPtr> operators,
           std::vector<TaskInput> inputs, int64_t restored_watermark)
    : options_(std::move(options)), source_(std::move(source)),
      chain_(options_.task, std::move(operators), options_.counters, options_.clock, restored_watermark),
      aligner_(static_cast<int>(inputs.size()), options_.exactly_once) {
  for (TaskInput& input : inputs) inputs_.push_back({std::move(input)});
  for (const plan::PlanOperator& op : options_.task->operators) {
    if (op.kind == plan::OperatorKind::kSink) ++sink_count_;
  }
}

Task::~Task() = default;

void Task::Start(std::vector<std::unique_ptr<EdgeWriter>> writers) {
  chain_.Connect(*options_.plan, std::move(writers));
  // The receivers know nothing of before. An input that had ended says nothing later: it must be said now.
  if (chain_.watermark() > batch::kMinTimestamp) chain_.RepeatWatermark();
}

absl::StatusOr<Task::StepResult> Task::Step() {
  if (when_copied_) ContinueSnapshot();
  ASSIGN_OR_RETURN(const StepResult result, Work(options_.clock->Steady()));
  return when_copied_ ? StepResult{} : result;
}

absl::StatusOr<Task::StepResult> Task::Work(SteadyMicros now) {
  if (chain_.flush_at() != 0 && now >= chain_.flush_at()) RETURN_IF_ERROR(chain_.FlushEdges());
  // Alignment gives up by its own clock also while the output is blocked.
  RETURN_IF_ERROR(ExpireAlignments(now));
  if (!chain_.writable()) {
    // Rows held back wait for room too; a deadline of an alignment does not.
    return StepResult{StepResult::Kind::kWaitOutput, aligner_.started_at() == 0
                                                         ? 0
                                                         : aligner_.started_at() + options_.checkpoint_timeout_micros};
  }
  if (chain_.stepping()) {
    RETURN_IF_ERROR(chain_.Continue());
    return !chain_.stepping() && draining_for_ ? Seal(now) : StepResult{};
  }
  if (chain_.timing()) {
    RETURN_IF_ERROR(chain_.RunTimer(now));
    return StepResult{};
  }
  if (draining_for_) return Seal(now);
  if (!due_.empty()) {
    draining_for_ = due_.front();
    due_.pop_front();
    chain_.BeginDrain();
    return StepResult{};
  }
  if (const SteadyMicros due = chain_.next_timer(); due != 0 && due <= now) {
    was_idle_ = false;
    RETURN_IF_ERROR(chain_.RunTimer(now));
    return StepResult{};
  }
  return source_ != nullptr ? StepSource(now) : StepInputs(now);
}

absl::StatusOr<Task::StepResult> Task::Idle(SteadyMicros now, SteadyMicros until) {
  // What is held back goes now: nothing better is to be done.
  if (!was_idle_) {
    was_idle_ = true;
    RETURN_IF_ERROR(chain_.OnIdle());
  } else if (chain_.flush_at() != 0) {
    RETURN_IF_ERROR(chain_.FlushEdges());
  }
  const SteadyMicros deadline =
      aligner_.started_at() == 0 ? 0 : aligner_.started_at() + options_.checkpoint_timeout_micros;
  for (const SteadyMicros at : {deadline, chain_.next_timer()}) {
    if (at != 0 && (until == 0 || at < until)) until = at;
  }
  return StepResult{StepResult::Kind::kWaitInput, until};
}

absl::StatusOr<Task::StepResult> Task::StepSource(SteadyMicros now) {
  ASSIGN_OR_RETURN(const SourceOperator::PollResult polled, source_->Poll(chain_.head_output()));
  const int64_t watermark = source_->Watermark();
  if (watermark == kIdleWatermark) {
    if (!idle_said_) chain_.ForwardIdle();
    idle_said_ = true;
  } else {
    if (idle_said_ && watermark <= chain_.watermark()) chain_.RepeatWatermark();
    idle_said_ = false;
    chain_.BeginWatermark(watermark);
  }
  switch (polled.kind) {
    case SourceOperator::PollResult::Kind::kRows:
      was_idle_ = false;
      return StepResult{};
    case SourceOperator::PollResult::Kind::kEnded:
      if (chain_.stepping()) return StepResult{};
      if (!source_end_said_) {
        source_end_said_ = true;
        RETURN_IF_ERROR(chain_.OnIdle());
        options_.events->OnSourceEnded();
      }
      return Idle(now, 0);
    case SourceOperator::PollResult::Kind::kWait:
      if (chain_.stepping()) return StepResult{};
      return Idle(now, polled.retry_at);
  }
  return StepResult{};
}

absl::StatusOr<Task::StepResult> Task::StepInputs(SteadyMicros now) {
  for (size_t tried = 0; tried < inputs_.size(); ++tried) {
    const auto channel = static_cast<int>(next_input_);
    next_input_ = (next_input_ + 1) % inputs_.size();
    if (aligner_.IsBlocked(channel)) continue;
    Element element;
    ASSIGN_OR_RETURN(const bool popped, inputs_[channel].input.channel->Pop(&element));
    if (!popped) continue;
    was_idle_ = false;
    RETURN_IF_ERROR(OnElement(channel, std::move(element), now));
    return StepResult{};
  }
  return Idle(now, 0);
}

absl::Status Task::OnElement(int channel, Element element, SteadyMicros now) {
  switch (element.kind) {
    case Element::Kind::kBatch: {
      if (element.encoded != nullptr) {
        ASSIGN_OR_RETURN(element.batch, batch::DecodeBatch(inputs_[channel].input.schema, std::move(element.encoded)));
      }
      options_.counters->rows_in += element.batch.rows;
      options_.counters->bytes_in += element.bytes;
      return chain_.Process(inputs_[channel].input.side, std::move(element.batch));
    }
    case Element::Kind::kWatermark:
      return OnWatermark(channel, element.value);
    case Element::Kind::kBarrier:
      return Apply(aligner_.OnBarrier(channel, CheckpointId(element.value), now),
                   "a newer barrier came before it was complete");
    case Element::Kind::kBarrierCancelled:
      return Apply(aligner_.OnCancelled(channel, CheckpointId(element.value)), "an upstream task gave it up");
  }
  return absl::InternalError(absl::StrCat("element of unknown kind ", static_cast<int>(element.kind)));
}

absl::Status Task::OnWatermark(int channel, int64_t watermark) {
  Input& input = inputs_[channel];
  input.idle = watermark == kIdleWatermark;
  if (!input.idle) input.watermark = std::max(input.watermark, watermark);
  int64_t least = batch::kMaxTimestamp;
  bool none_counts = true, some_idle = false;
  for (const Input& other : inputs_) {
    // An input that has ended says nothing either while others are only idle: more may come from them.
    if (other.idle || other.watermark == batch::kMaxTimestamp) {
      some_idle |= other.idle;
      continue;
    }
    none_counts = false;
    least = std::min(least, other.watermark);
  }
  if (none_counts && some_idle) {
    if (!idle_said_) chain_.ForwardIdle();
    idle_said_ = true;
    return absl::OkStatus();
  }
  if (idle_said_ && least <= chain_.watermark()) chain_.RepeatWatermark();
  idle_said_ = false;
  chain_.BeginWatermark(least);
  return absl::OkStatus();
}

}  // namespace weir::taskmanager
