#include "taskmanager/task_manager.h"


#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/buggify.h"
#include "common/base/log/log.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/storage_id.h"
#include "common/fs/file_system.h"

namespace weir::taskmanager {
namespace {
constexpr int kAsyncThreads = 4;
constexpr std::chrono::milliseconds kReconnectPause(25);
constexpr std::chrono::milliseconds kRefusedPause(500);
constexpr SteadyMicros kNamePatience = 15'000'000;
constexpr int64_t kMinClientMemory = int64_t{2} << 20;
constexpr int64_t kMaxClientMemory = int64_t{32} << 20;
constexpr SteadyMicros kSinkReportMicros = 1'000'000;
constexpr int64_t kOwnMemory = int64_t{128} << 20;

/// Of what a TaskManager may take: three quarters of what is more than it takes by itself, half of little; the rest is for
/// batches, queues and what the allocator holds. Subtasks and stateful operators share it.
int64_t StateMemory(int64_t memory) { return std::max(memory / 2, (memory - kOwnMemory) / 4 * 3); }
}  // namespace

TaskManager::TaskManager(TaskManagerOptions options, TaskManagerParts parts)
    : options_(std::move(options)), parts_(std::move(parts)), pool_(std::make_unique<AsyncPool>(kAsyncThreads)) {}

TaskManager::~TaskManager() { Stop(); }

absl::Status TaskManager::Start() {
  const std::string folder = options_.state_dir + "/attempts";
  (void)fs::RemoveAll(fs::Default(), folder);
  if (const fs::Errno error = fs::MakeFolders(fs::Default(), folder); error != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("state_dir ", options_.state_dir, " cannot be used: ", std::strerror(error)));
  }
  loop_ = std::make_unique<runtime::ThreadEventLoop>(parts_.clock, "tm-control");
  reaper_ = std::make_unique<runtime::ThreadWorker>("tm-reaper");
  loop_->Post([this] { Heartbeat(); });
  connect_thread_ = runtime::Thread("tm-connect", [this] { ConnectLoop(); });
  return absl::OkStatus();
}

void TaskManager::Stop() {
  if (loop_ == nullptr) return;
  std::shared_ptr<control::JobManagerLink> link;
  {
    std::lock_guard lock(link_mutex_);
    stopping_ = true;
    link = std::move(link_);
    link_changed_.notify_all();
  }
  // Without the lock: its end waits for a call of on_closed, which takes it.
  link.reset();
  connect_thread_.join();
  loop_->Stop();
  EndAll("the TaskManager stops");
  reaper_->Stop();
  pool_.reset();
  loop_.reset();
}

// ---- The link -------------------------------------------------------------------------------------------------------

void TaskManager::ConnectLoop() {
  bool said = false;
  for (;;) {
    uint64_t number;
    {
      std::lock_guard lock(link_mutex_);
      if (stopping_) return;
      number = ++link_number_;
      link_open_ = true;
    }
    control::JobManagerConnector::Events events;
    events.on_message = [this, number](control::ToTaskManager message) {
      loop_->Post([this, number, message = std::move(message)]() mutable { OnMessage(number, std::move(message)); });
    };
    events.on_closed = [this, number](absl::Status why) {
      {
        std::lock_guard lock(link_mutex_);
        if (absl::IsUnauthenticated(why) || absl::IsPermissionDenied(why)) refused_ = true;
        if (number == link_number_) link_open_ = false;
        link_changed_.notify_all();
      }
      loop_->Post([this, number, why] { OnClosed(number, why); });
    };
    auto opened = parts_.connector->Connect(std::move(events));
    std::unique_lock lock(link_mutex_);
    if (!opened.ok()) {
      if (!said) log::Warning("no JobManager yet, trying on", {{"why", std::string(opened.status().message())}});
      said = true;
      link_changed_.wait_for(lock, kReconnectPause, [this] { return stopping_; });
      continue;
    }
    said = false;
    lock.unlock();
    loop_->Post([this, number, link = std::shared_ptr<control::JobManagerLink>(*std::move(opened))] {
      Introduce(number, link);
    });
    lock.lock();
    link_changed_.wait(lock, [this] { return stopping_ || !link_open_; });
    std::shared_ptr<control::JobManagerLink> old = std::move(link_);
    link_ = nullptr;
    lock.unlock();
    old.reset();
    lock.lock();
    link_changed_.wait_for(lock, refused_.exchange(false) ? kRefusedPause : kReconnectPause,
                           [this] { return stopping_; });
  }
}

void TaskManager::Send(control::ToJobManager message) {
  std::shared_ptr<control::JobManagerLink> link;
  LeaderEpoch epoch;
  {
    std::lock_guard lock(link_mutex_);
    link = link_;
    epoch = link_epoch_;
  }
  // Without a link it is lost, as on a link that breaks: the JobManager ends attempts whose TaskManager was away, and a
  // new one gets a report.
  if (link == nullptr) return;
  // Subtasks know the epoch that deployed them; what they say is meant for who leads now.
  std::visit(
      [&](auto& m) {
        if constexpr (requires { m.fence; }) m.fence.epoch = std::max(m.fence.epoch, epoch);
      },
      message);
  link->Send(std::move(message));
}

void TaskManager::Introduce(uint64_t number, const std::shared_ptr<control::JobManagerLink>& link) {
  // The end of the link before may not have been heard of here yet.
  if (registered_) lost_at_ = parts_.clock->Steady();
  registered_ = false;
  control::Register message;
  message.name = options_.name;
  message.address = options_.address;
  message.slots = options_.slots;
  message.build_id = options_.build_id;
  message.incarnation = options_.incarnation;
  for (const auto& [job, attempt] : attempts_) message.running.emplace_back(job, attempt.deployment->fence.attempt);
  last_heard_ = parts_.clock->Steady();
  link->Send(std::move(message));
  // Only now may others send: what they say of their subtasks must not come first.
  std::lock_guard lock(link_mutex_);
  if (number == link_number_ && link_open_ && !stopping_) link_ = link;
}

void TaskManager::OnClosed(uint64_t link, absl::Status why) {
  {
    std::lock_guard lock(link_mutex_);
    if (link != link_number_) return;
  }
  if (absl::IsUnauthenticated(why) || absl::IsPermissionDenied(why)) {
    log::Warning(absl::StrCat("the JobManager refuses our credential: ", why.message()));
  }
  if (registered_) {
    log::Warning(absl::StrCat("connection to the JobManager lost: ", why.message()));
    lost_at_ = parts_.clock->Steady();
  }
  registered_ = false;
}

void TaskManager::LeaveLink() {
  std::lock_guard lock(link_mutex_);
  link_open_ = false;
  link_changed_.notify_all();
}

void TaskManager::ReportAttempts() {
  for (const auto& [job, attempt] : attempts_) {
    control::AttemptReport report;
    report.fence = attempt.deployment->fence;
    for (const auto& subtask : attempt.subtasks) report.subtasks.push_back(subtask->Report());
    for (const auto& [id, placement] : attempt.deployment->placements) report.placements.push_back(placement);
    Send(std::move(report));
  }
}

void TaskManager::Heartbeat() {
  const SteadyMicros now = parts_.clock->Steady();
  if (registered_) {
    if (now - last_heard_ > heartbeat_timeout_micros_) {
      log::Warning("the JobManager is silent, connecting anew");
      registered_ = false;
      lost_at_ = now;
      LeaveLink();
    } else {
      if (WEIR_BUGGIFY("leave_link")) LeaveLink();
      if (!WEIR_BUGGIFY("late_heartbeat")) Send(control::Heartbeat{});
      const bool with_sinks = now - sinks_reported_at_ >= kSinkReportMicros;
      if (with_sinks) sinks_reported_at_ = now;
      for (const auto& [job, attempt] : attempts_) {
        control::MetricsReport report;
        report.fence = attempt.deployment->fence;
        for (const auto& subtask : attempt.subtasks) {
          report.subtasks.push_back(subtask->Metrics());
          if (!with_sinks) continue;
          for (control::SinkReport& sink : subtask->Sinks()) report.sinks.push_back(std::move(sink));
        }
        Send(std::move(report));
      }
    }
  } else if (lost_at_ != 0 && now - lost_at_ > options_.lease && !attempts_.empty()) {
    EndAll("no JobManager for too long");
  }
  loop_->PostAt(now + heartbeat_micros_, [this] { Heartbeat(); });
}

void TaskManager::OnMessage(uint64_t link, control::ToTaskManager message) {
  {
    std::lock_guard lock(link_mutex_);
    if (link != link_number_) return;  // said on a link that is over
  }
  last_heard_ = parts_.clock->Steady();
  if (auto* reply = std::get_if<control::RegisterReply>(&message)) {
    if (reply->epoch < epoch_) {
      log::Warning(absl::StrCat("a JobManager of leader epoch ", reply->epoch.value, " is left: epoch ", epoch_.value,
                                " has been seen"));
      return LeaveLink();
    }
    epoch_ = reply->epoch;
    {
      std::lock_guard lock(link_mutex_);
      link_epoch_ = epoch_;
    }
    heartbeat_micros_ = reply->heartbeat_interval_ms * 1000;
    heartbeat_timeout_micros_ = reply->heartbeat_timeout_ms * 1000;
    CheckStorage(*reply);
  } else if (std::holds_alternative<control::Registered>(message)) {
    registered_ = true;
    lost_at_ = 0;
    refused_since_ = 0;
    log::Info(absl::StrCat("TaskManager ", options_.name, " registered, leader epoch ", epoch_.value));
    ReportAttempts();
  } else if (auto* refused = std::get_if<control::RegisterRefused>(&message)) {
    log::Error(absl::StrCat("registration refused: ", refused->reason.message()));
    refused_ = true;
    const SteadyMicros now = parts_.clock->Steady();
    if (refused_since_ == 0) refused_since_ = now;
    // A name may be that of the process before this one, until the JobManager has noticed its death.
    const bool passes =
        refused->reason.code() == absl::StatusCode::kAlreadyExists && now - refused_since_ < kNamePatience;
    if (!passes && parts_.on_refused) parts_.on_refused(refused->reason);
  } else if (auto* deploy = std::get_if<control::Deploy>(&message)) {
    Deploy(std::move(*deploy));
  } else if (auto* assign = std::get_if<control::AssignSplits>(&message)) {
    PostTo(assign->fence, Subtask::AssignSplits{std::move(assign->sources)});
  } else if (auto* sweep = std::get_if<control::Sweep>(&message)) {
    PostTo(sweep->fence, Subtask::Sweep{sweep->keep_from});
  } else if (auto* start = std::get_if<control::StartRunning>(&message)) {
    PostTo(start->fence, Subtask::StartRunning{});
  } else if (auto* trigger = std::get_if<control::TriggerCheckpoint>(&message)) {
    PostTo(trigger->fence, Subtask::Trigger{trigger->checkpoint});
  } else if (auto* complete = std::get_if<control::CheckpointComplete>(&message)) {
    PostTo(complete->fence, Subtask::Complete{complete->checkpoint});
  } else if (auto* aborted = std::get_if<control::CheckpointAborted>(&message)) {
    PostTo(aborted->fence, Subtask::Abort{aborted->checkpoint});
  } else if (auto* cancel = std::get_if<control::CancelAttempt>(&message)) {
    if (cancel->fence.epoch >= epoch_) EndAttempts(cancel->fence.job, cancel->fence.attempt, "cancelled");
  } else if (auto* adopt = std::get_if<control::AdoptAttempt>(&message)) {
    PostTo(adopt->fence, Subtask::Adopt{adopt->complete, adopt->next});
  } else if (auto* probe = std::get_if<control::ProbeStorage>(&message)) {
    Probe(std::move(*probe));
  }
}

absl::StatusOr<std::shared_ptr<checkpoint::Storage>> TaskManager::StorageAt(const std::string& uri) {
  {
    std::lock_guard lock(mutex_);
    if (auto it = storages_.find(uri); it != storages_.end()) return it->second;
  }
  ASSIGN_OR_RETURN(std::shared_ptr<checkpoint::Storage> storage, parts_.open_storage(uri));
  std::lock_guard lock(mutex_);
  return storages_.try_emplace(uri, std::move(storage)).first->second;
}

void TaskManager::CheckStorage(const control::RegisterReply& reply) {
  pool_->Run([this, uri = reply.checkpoint_storage, path = reply.storage_id_path] {
    control::StorageChecked checked;
    auto storage = StorageAt(uri);
    absl::StatusOr<std::string> id =
        storage.ok() ? checkpoint::ReadStorageId(**storage, path) : absl::StatusOr<std::string>(storage.status());
    if (id.ok()) {
      checked.storage_id = *std::move(id);
    } else {
      checked.code = id.status().code();
      log::Warning(absl::StrCat("checkpoint storage ", uri, ": ", id.status().message()));
    }
    Send(std::move(checked));
  });
}

void TaskManager::Probe(control::ProbeStorage message) {
  pool_->Run([this, message = std::move(message)] {
    auto storage = StorageAt(message.storage);
    control::ProbeResult result{message.fence, message.probe, storage.status()};
    if (storage.ok()) result.result = (*storage)->Probe();
    Send(std::move(result));
  });
}

// ---- Attempts -------------------------------------------------------------------------------------------------------

void TaskManager::PostTo(const control::Fence& fence, const Subtask::Mail& mail) {
  const auto it = attempts_.find(fence.job);
  if (it == attempts_.end() || it->second.deployment->fence.attempt != fence.attempt || fence.epoch < epoch_) return;
  for (const auto& subtask : it->second.subtasks) subtask->Post(mail);
}

absl::StatusOr<std::shared_ptr<const Deployment>> TaskManager::MakeDeployment(const control::Deploy& message) {
  if (last_plan_ == nullptr || last_spec_ != message.job_spec) {
    ASSIGN_OR_RETURN(last_plan_, parts_.compile(message.job_spec));
    last_spec_ = message.job_spec;
  }
  if (last_plan_->digest != message.plan_digest) {
    return absl::InternalError("the plan made here differs from the JobManager's; are both of the same build?");
  }
  auto deployment = std::make_shared<Deployment>();
  deployment->fence = message.fence;
  deployment->plan = last_plan_;
  for (const control::SubtaskPlacement& placement : message.placements) {
    deployment->placements[placement.subtask] = placement;
  }
  deployment->resolve_only = message.resolve_only;
  deployment->former_job = message.former_job;
  deployment->unresolved = message.unresolved;
  ASSIGN_OR_RETURN(deployment->storage, StorageAt(message.storage));
  if (!message.restore.path.empty()) {
    deployment->restored = std::make_shared<RestoredManifest>(deployment->storage, message.restore);
  }
  deployment->connectors = parts_.connectors;
  deployment->transport = parts_.transport;
  deployment->clock = parts_.clock;
  deployment->pool = pool_.get();
  deployment->open_state = parts_.open_state;
  deployment->send = [this](control::ToJobManager up) { Send(std::move(up)); };
  deployment->sweep_interval = options_.sweep_interval;
  deployment->local_dir =
      absl::StrCat(options_.state_dir, "/attempts/", message.fence.job.value, "-", message.fence.attempt.value);
  int stateful = 0, clients = 0;
  for (const plan::Task& task : last_plan_->tasks) {
    for (const plan::PlanOperator& op : task.operators) {
      stateful += op.stateful ? 1 : 0;
      clients += op.kind == plan::OperatorKind::kSource || op.kind == plan::OperatorKind::kSink ? 1 : 0;
    }
  }
  deployment->state_memory_bytes = StateMemory(options_.memory_bytes) / std::max(1, options_.slots) / std::max(1, stateful);
  // A sixteenth is for the queues of client libraries, and no more than keeps them busy.
  deployment->client_memory_bytes =
      std::clamp(options_.memory_bytes / 16 / std::max(1, options_.slots) / std::max(1, clients), kMinClientMemory,
                 kMaxClientMemory);
  return deployment;
}

void TaskManager::Deploy(control::Deploy message) {
  if (message.fence.epoch < epoch_) return;
  if (const auto it = ended_.find(message.fence.job); it != ended_.end() && message.fence.attempt <= it->second) return;
  EndAttempts(message.fence.job, Attempt(message.fence.attempt.value - 1), "a newer attempt");
  if (attempts_.contains(message.fence.job)) return;  // the same deployment again
  auto deployment = MakeDeployment(message);
  if (!deployment.ok()) {
    for (const SubtaskId& id : message.subtasks) {
      control::SubtaskStateChanged failed;
      failed.fence = message.fence;
      failed.subtask = id;
      failed.state = control::SubtaskState::kFailed;
      failed.error = deployment.status();
      failed.domain = DomainOf(deployment.status());
      Send(std::move(failed));
    }
    return;
  }
  (void)fs::MakeFolders(fs::Default(), (*deployment)->local_dir);
  JobAttempt attempt;
  attempt.deployment = *deployment;
  for (const SubtaskId& id : message.subtasks) {
    attempt.subtasks.push_back(std::make_unique<Subtask>(*deployment, id));
  }
  for (const auto& subtask : attempt.subtasks) subtask->Start();
  std::lock_guard lock(mutex_);
  attempts_[message.fence.job] = std::move(attempt);
}

void TaskManager::EndAttempts(const JobId& job, Attempt up_to, const std::string& why) {
  Attempt& ended = ended_[job];
  ended = std::max(ended, up_to);
  JobAttempt attempt;
  {
    std::lock_guard lock(mutex_);
    const auto it = attempts_.find(job);
    if (it == attempts_.end() || it->second.deployment->fence.attempt > up_to) return;
    attempt = std::move(it->second);
    attempts_.erase(it);
  }
  for (const auto& subtask : attempt.subtasks) subtask->Cancel();
  parts_.transport->EndAttempt(job, attempt.deployment->fence.attempt, absl::AbortedError(why));
  // Joining may wait for a write to the storage: not on the loop.
  auto shared = std::make_shared<JobAttempt>(std::move(attempt));
  reaper_->Run([shared] {
    for (const auto& subtask : shared->subtasks) subtask->Join();
    shared->subtasks.clear();
    (void)fs::RemoveAll(fs::Default(), shared->deployment->local_dir);
  });
}

void TaskManager::EndAll(const std::string& why) {
  std::vector<std::pair<JobId, Attempt>> running;
  for (const auto& [job, attempt] : attempts_) running.emplace_back(job, attempt.deployment->fence.attempt);
  for (const auto& [job, attempt] : running) EndAttempts(job, attempt, why);
}

std::vector<RunningSubtask> TaskManager::Running() const {
  std::vector<RunningSubtask> out;
  std::lock_guard lock(mutex_);
  for (const auto& [job, attempt] : attempts_) {
    const plan::ExecutionPlan& plan = *attempt.deployment->plan;
    for (const auto& subtask : attempt.subtasks) {
      out.push_back({job, plan.spec->name, attempt.deployment->fence.attempt, plan.tasks[subtask->id().task].name,
                     subtask->Metrics(), subtask->Sinks()});
    }
  }
  return out;
}

}  // namespace weir::taskmanager
