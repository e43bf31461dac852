#include "taskmanager/executor/subtask.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/base/loss.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {
/// Metrics are copied out at most so often; a reader sees them that old.
constexpr SteadyMicros kPublishMicros = 50'000;
}  // namespace

control::FailureDomain DomainOf(const absl::Status& error) {
  // What is lost for good no attempt finds again.
  if (LossOf(error) != Loss::kNone) return control::FailureDomain::kUser;
  switch (error.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented: return control::FailureDomain::kUser;
    case absl::StatusCode::kDataLoss: return control::FailureDomain::kInternal;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted: return control::FailureDomain::kExternal;
    default: return control::FailureDomain::kInternal;
  }
}

Subtask::Subtask(std::shared_ptr<const Deployment> deployment, SubtaskId id)
    : deployment_(std::move(deployment)), id_(id),
      is_source_(deployment_->plan->tasks[id.task].operators[0].kind == plan::OperatorKind::kSource),
      async_(deployment_->pool) {
  metrics_.subtask = id_;
  const plan::Task& task = deployment_->plan->tasks[id_.task];
  if (deployment_->resolve_only) return;
  for (const int e : task.inputs) {
    const plan::Edge& edge = deployment_->plan->edges[e];
    const int senders = deployment_->plan->tasks[edge.from_task].parallelism;
    for (int s = 0; s < senders; ++s) {
      if (edge.kind == plan::EdgeKind::kForward && s != id_.index) continue;
      const ChannelId channel{deployment_->fence.job, deployment_->fence.attempt, e, s, id_.index};
      inputs_.push_back({deployment_->transport->Register(channel, [signal = signal_] { signal->Wake(); }), edge.schema,
                         edge.to_side});
    }
  }
}

Subtask::~Subtask() { Join(); }

void Subtask::Start() {
  thread_ = runtime::Thread(absl::StrCat("task-", id_.task, "-", id_.index), [this] { Main(); });
}

void Subtask::Post(Mail mail) {
  std::lock_guard lock(signal_->mutex);
  mail_.push_back(std::move(mail));
  signal_->has_mail = true;
  signal_->changed.notify_one();
}

void Subtask::Cancel() {
  std::lock_guard lock(signal_->mutex);
  cancelled_ = true;
  signal_->has_mail = true;
  signal_->changed.notify_one();
}

void Subtask::Join() {
  if (thread_.joinable()) thread_.join();
}

void Subtask::Signal::Wake() {
  if (woken.exchange(true)) return;
  std::lock_guard lock(mutex);
  changed.notify_one();
}

void Subtask::Wait(SteadyMicros until) {
  std::unique_lock lock(signal_->mutex);
  auto ready = [this] { return signal_->has_mail || signal_->woken; };
  if (until == 0) {
    signal_->changed.wait(lock, ready);
  } else {
    const SteadyMicros now = deployment_->clock->Steady();
    if (until > now) signal_->changed.wait_for(lock, std::chrono::microseconds(until - now), ready);
  }
  // An exchange, not a store: what was pushed before a wake that is taken back here is seen by the next step.
  signal_->woken.exchange(false);
}

void Subtask::Main() {
  const absl::Status status = Run();
  // What is queued refers to this object; what has begun ends first.
  async_.Stop();
  PublishMetrics();
  std::vector<SubtaskBuilder::NamedSink> sinks;  // end here, not where somebody looks at them
  {
    std::lock_guard lock(signal_->mutex);
    sinks.swap(sinks_);
  }
  task_.reset();
  builder_.reset();
  sinks.clear();
  if (cancelled_) {
    ReportState(control::SubtaskState::kCancelled);
  } else {
    ReportState(control::SubtaskState::kFailed, status);
  }
}

absl::Status Subtask::Run() {
  SubtaskBuilder::Callbacks callbacks;
  callbacks.wake = [signal = signal_] { signal->Wake(); };
  callbacks.run_async = [this](std::function<void()> work) { async_.Run(std::move(work)); };
  callbacks.on_sink_committed = [this](CheckpointId checkpoint, absl::Status status) {
    task_->OnSinkCommitted(checkpoint, std::move(status));
  };
  callbacks.events = this;
  builder_ = std::make_unique<SubtaskBuilder>(deployment_.get(), id_, &counters_, std::move(callbacks));
  RETURN_IF_ERROR(builder_->Restore());
  if (is_source_ && id_.index == 0 && !deployment_->resolve_only) {
    if (deployment_->restored == nullptr) {
      ASSIGN_OR_RETURN(checkpoint::SourceSplits source, builder_->EnumerateSplits());
      deployment_->send(control::SplitsFound{deployment_->fence, std::move(source)});
    } else {
      ASSIGN_OR_RETURN(auto grown, builder_->RefreshSplits());
      if (grown) deployment_->send(control::SplitsFound{deployment_->fence, *std::move(grown)});
    }
  }
  {
    std::lock_guard lock(signal_->mutex);
    sinks_ = builder_->sinks();
  }
  ReportState(control::SubtaskState::kRestored);
  for (;;) {
    if (signal_->has_mail) {
      std::deque<Mail> mail;
      absl::Status async_error;
      {
        std::lock_guard lock(signal_->mutex);
        signal_->has_mail = false;
        mail.swap(mail_);
        async_error = async_error_;
      }
      if (cancelled_) return absl::OkStatus();
      RETURN_IF_ERROR(async_error);
      for (Mail& message : mail) RETURN_IF_ERROR(Handle(std::move(message)));
    }
    RETURN_IF_ERROR(StepOrWait());
  }
}

absl::Status Subtask::Handle(Mail mail) {
  if (auto* assign = std::get_if<AssignSplits>(&mail)) return builder_->AssignSplits(assign->sources);
  if (auto* sweep = std::get_if<Sweep>(&mail)) {
    keep_from_ = sweep->keep_from;
    RETURN_IF_ERROR(builder_->Sweep());
    // Not of a resolver of another job's checkpoint: its own job begins only then.
    if (deployment_->resolve_only && !deployment_->former_job) SayEnd();
    deployment_->send(control::Swept{deployment_->fence, id_});
    return absl::OkStatus();
  }
  if (std::holds_alternative<StartRunning>(mail)) {
    if (deployment_->resolve_only || task_ != nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(task_, builder_->Start(std::move(inputs_)));
    const bool exactly_once = deployment_->plan->spec->guarantee == job::Guarantee::kExactlyOnce;
    for (const auto& named : builder_->sinks()) {
      if (id_.index == 0 && exactly_once && named.sink->SweepsWhileRunning()) {
        sweep_at_ = deployment_->clock->Steady() + deployment_->sweep_interval;
      }
    }
    ReportState(control::SubtaskState::kRunning);
    return absl::OkStatus();
  }
  if (task_ == nullptr) return absl::OkStatus();  // a checkpoint's message to one that does not run yet
  if (auto* trigger = std::get_if<Trigger>(&mail)) {
    if (is_source_) task_->Trigger(trigger->checkpoint);
  } else if (auto* complete = std::get_if<Complete>(&mail)) {
    task_->Complete(complete->checkpoint);
  } else if (auto* abort = std::get_if<Abort>(&mail)) {
    return task_->Abort(abort->checkpoint);
  } else if (auto* adopt = std::get_if<Adopt>(&mail)) {
    return task_->Adopt(adopt->complete, adopt->next);
  }
  return absl::OkStatus();
}

absl::Status Subtask::StepOrWait() {
  if (task_ == nullptr) {
    Wait(0);
    return absl::OkStatus();
  }
  const SteadyMicros begin = deployment_->clock->Steady();
  ASSIGN_OR_RETURN(const Task::StepResult result, task_->Step());
  const SteadyMicros end = deployment_->clock->Steady();
  busy_micros_ += end - begin;
  if (result.kind == Task::StepResult::Kind::kWorked) {
    runtime::Worked();
    if (end - published_at_ >= kPublishMicros) {
      PublishMetrics();
      MaybeSweep(end);
    }
    return absl::OkStatus();
  }
  PublishMetrics();
  MaybeSweep(end);
  SteadyMicros until = result.until;
  if (sweep_at_ != 0 && (until == 0 || sweep_at_ < until)) until = sweep_at_;
  Wait(until);
  if (result.kind == Task::StepResult::Kind::kWaitOutput) blocked_micros_ += deployment_->clock->Steady() - end;
  return absl::OkStatus();
}

void Subtask::SayEnd() {
  const std::string& job = deployment_->plan->spec->name;
  // One of the resolvers does, that of the first sink.
  const auto first = std::find_if(
      deployment_->plan->tasks.begin(), deployment_->plan->tasks.end(), [](const plan::Task& task) {
        return std::any_of(task.operators.begin(), task.operators.end(),
                           [](const plan::PlanOperator& op) { return op.kind == plan::OperatorKind::kSink; });
      });
  if (first != deployment_->plan->tasks.end() && first->index == id_.task && id_.index == 0) {
    for (const auto& [source, status] : builder_->TellEnd()) {
      log::Warning(absl::StrCat(source, ": where the job ended could not be said (nothing depends on it): ",
                                status.message()),
                   {{"job", job}});
    }
  }
  for (const auto& named : builder_->sinks()) {
    if (const absl::Status status = named.sink->Forget(keep_from_); !status.ok()) {
      log::Warning(absl::StrCat(named.name, ": traces of older attempts are left: ", status.message()), {{"job", job}});
    }
  }
}

void Subtask::MaybeSweep(SteadyMicros now) {
  if (sweep_at_ == 0 || now < sweep_at_) return;
  sweep_at_ = now + deployment_->sweep_interval;
  for (const auto& named : sinks_) {
    if (!named.sink->SweepsWhileRunning()) continue;
    async_.Run([named, job = deployment_->plan->spec->name, keep_from = keep_from_, forgotten = forgotten_] {
      if (!*forgotten) {
        const absl::Status status = named.sink->Forget(keep_from);
        // A right that is missing is missing for ever.
        *forgotten = status.ok() || !absl::IsUnavailable(status);
        if (!status.ok()) {
          log::Warning(absl::StrCat(named.name, ": traces of older attempts are left: ", status.message()),
                       {{"job", job}});
        }
      }
      if (const absl::Status status = named.sink->Sweep(); !status.ok()) {
        log::Warning(absl::StrCat(named.name, ": transactions of older attempts not swept, tried again later: ",
                                  status.message()),
                     {{"job", job}});
      }
    });
  }
}

std::vector<control::SinkReport> Subtask::Sinks() const {
  std::vector<SubtaskBuilder::NamedSink> sinks;
  {
    std::lock_guard lock(signal_->mutex);
    sinks = sinks_;
  }
  std::vector<control::SinkReport> out;
  for (const auto& named : sinks) out.push_back({id_, named.name, named.sink->Transactions()});
  return out;
}

void Subtask::PublishMetrics() {
  published_at_ = deployment_->clock->Steady();
  // Asked before the lock is taken: a client library may hold a lock of its own while it wakes us.
  const auto lag = task_ != nullptr ? task_->lag() : metrics_.lag_records;
  std::lock_guard lock(signal_->mutex);
  metrics_.rows_in = counters_.rows_in;
  metrics_.rows_out = counters_.rows_out;
  metrics_.bytes_in = counters_.bytes_in;
  metrics_.bytes_out = counters_.bytes_out;
  metrics_.skipped_rows = counters_.skipped_rows;
  metrics_.late_rows = counters_.late_rows;
  metrics_.error_rows = counters_.error_rows;
  metrics_.busy_micros = busy_micros_;
  metrics_.backpressured_micros = blocked_micros_;
  if (task_ != nullptr) {
    metrics_.watermark = task_->watermark();
    metrics_.state_bytes = task_->state_bytes();
    metrics_.lag_records = lag;
  }
}

control::SubtaskMetrics Subtask::Metrics() const {
  std::lock_guard lock(signal_->mutex);
  return metrics_;
}

void Subtask::ReportState(control::SubtaskState state, absl::Status error) {
  control::SubtaskStateChanged report;
  report.fence = deployment_->fence;
  report.subtask = id_;
  {
    // Before it is sent: what a link does not carry any more, the next report does.
    std::lock_guard lock(signal_->mutex);
    state_ = state;
  }
  report.state = state;
  report.domain = DomainOf(error);
  report.error = std::move(error);
  deployment_->send(std::move(report));
}

control::AttemptReport::Subtask Subtask::Report() const {
  std::lock_guard lock(signal_->mutex);
  return {id_, state_, source_ended_};
}

void Subtask::OnSourceEnded() {
  PublishMetrics();
  {
    std::lock_guard lock(signal_->mutex);
    source_ended_ = true;
  }
  deployment_->send(control::SourceEnded{deployment_->fence, id_});
}

void Subtask::OnAcknowledge(control::CheckpointAck ack) {
  ack.fence = deployment_->fence;
  // The last numbers of a bounded job must be there before it ends.
  if (ack.snapshot.ended) deployment_->send(control::MetricsReport{deployment_->fence, {Metrics()}, Sinks()});
  deployment_->send(std::move(ack));
}

void Subtask::OnDecline(CheckpointId checkpoint, absl::Status reason, bool storage_failed) {
  deployment_->send(
      control::CheckpointDecline{deployment_->fence, checkpoint, id_, std::move(reason), storage_failed});
}

void Subtask::OnCommitted(CheckpointId checkpoint) {
  deployment_->send(control::CommitConfirmed{deployment_->fence, checkpoint, id_});
}

void Subtask::OnAsyncFailure(absl::Status error) {
  std::lock_guard lock(signal_->mutex);
  if (async_error_.ok()) async_error_ = std::move(error);
  signal_->has_mail = true;
  signal_->changed.notify_one();
}

}  // namespace weir::taskmanager
