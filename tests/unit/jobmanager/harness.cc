#include "tests/unit/jobmanager/harness.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/crc32c.h"
#include "common/checkpoint/paths.h"
#include "common/checkpoint/storage_id.h"

namespace weir::jobmanager {

class FakeTaskManager::Link final : public control::TaskManagerLink {
 public:
  explicit Link(FakeTaskManager* tm) : tm_(tm) {}
  void Send(control::ToTaskManager message) override {
    // As over a network: later, in order.
    tm_->harness_->loop.Post([this, message] {
      if (!tm_->closed) tm_->Handle(message);
    });
  }
  void Close(absl::Status) override {
    tm_->harness_->loop.Post([this] {
      tm_->closed = true;
      tm_->harness_->manager->OnClosed(this, absl::OkStatus());
    });
  }

 private:
  FakeTaskManager* const tm_;
};

FakeTaskManager::FakeTaskManager(Harness* harness, std::string n, int slots, uint64_t incarnation)
    : name(std::move(n)), harness_(harness), slots_(slots), incarnation_(incarnation) {}
FakeTaskManager::~FakeTaskManager() = default;

void FakeTaskManager::Register() {
  closed = false;
  link_ = std::make_shared<Link>(this);
  harness_->manager->OnOpened(link_, "peer");
  control::Register reg{name, name + ":1", slots_, build, incarnation_, running};
  Send(std::move(reg));
}

void FakeTaskManager::Die() {
  closed = true;
  harness_->manager->OnClosed(link_.get(), absl::UnavailableError("broken"));
  harness_->loop.Drain();
}

void FakeTaskManager::Send(control::ToJobManager message) {
  if (!closed) harness_->manager->OnMessage(link_.get(), std::move(message));
}

void FakeTaskManager::SendState(SubtaskId subtask, control::SubtaskState state, absl::Status error,
                                control::FailureDomain domain) {
  Send(control::SubtaskStateChanged{deploy().fence, subtask, state, std::move(error), domain});
}

void FakeTaskManager::Ack(CheckpointId id) {
  for (SubtaskId subtask : deploy().subtasks) {
    control::CheckpointAck ack;
    ack.fence = deploy().fence;
    ack.checkpoint = id;
    ack.snapshot.subtask = subtask;
    ack.state_bytes = 10;
    if (subtask.task == 1) {
      const std::string path =
          checkpoint::StatePrefix(deploy().fence.job, deploy().fence.attempt, subtask) +
          absl::StrCat(id.value);
      auto file = harness_->storage->Write(path, "state");
      checkpoint::KeyedSnapshot keyed;
      if (file.ok()) keyed.deltas.push_back({id, *file, ""});
      checkpoint::OperatorSnapshot state, sink;
      state.node = "per_user";
      state.keyed.push_back(keyed);
      sink.node = "out";
      sink.handles.push_back({id, subtask.index, "file", "h", 0});
      ack.snapshot.operators = {state, sink};
    }
    Send(std::move(ack));
  }
}

void FakeTaskManager::Confirm(CheckpointId id) {
  for (SubtaskId subtask : deploy().subtasks) {
    if (subtask.task == 1) Send(control::CommitConfirmed{deploy().fence, id, subtask});
  }
}

void FakeTaskManager::EndSources() {
  for (SubtaskId subtask : deploy().subtasks) {
    if (subtask.task == 0) Send(control::SourceEnded{deploy().fence, subtask});
  }
}

void FakeTaskManager::Handle(const control::ToTaskManager& message) {
  inbox.push_back(message);
  if (auto* m = std::get_if<control::RegisterReply>(&message)) {
    std::string id = storage_id;
    if (id.empty()) id = *harness_->storage->ReadUnverified(m->storage_id_path);
    Send(control::StorageChecked{absl::StatusCode::kOk, id});
  } else if (auto* m = std::get_if<control::Registered>(&message)) {
    if (!report || running.empty() || !deployed()) return;
    deploy_->fence.epoch = m->epoch;
    control::AttemptReport said;
    said.fence = deploy_->fence;
    for (SubtaskId subtask : deploy_->subtasks) said.subtasks.push_back({subtask, reported_state, false});
    said.placements = deploy_->placements;
    Send(std::move(said));
  } else if (auto* m = std::get_if<control::AdoptAttempt>(&message)) {
    if (confirm) Confirm(m->complete);
  } else if (auto* m = std::get_if<control::Deploy>(&message)) {
    deploy_ = *m;
    if (!restore) return;
    for (SubtaskId subtask : m->subtasks) {
      if (restore_error) {
        SendState(subtask, control::SubtaskState::kFailed, *restore_error, restore_domain);
        return;
      }
      if (subtask == SubtaskId{0, 0} && m->restore.path.empty()) {
        Send(control::SplitsFound{m->fence, {"in", {{"split", "group"}}}});
      }
      if (subtask == SubtaskId{0, 0} && !m->restore.path.empty() && !grown_splits.empty()) {
        Send(control::SplitsFound{m->fence, {"in", grown_splits}});
      }
      SendState(subtask, control::SubtaskState::kRestored);
    }
  } else if (std::holds_alternative<control::Sweep>(message)) {
    for (SubtaskId subtask : deploy().subtasks) {
      if (sweep && subtask == SubtaskId{1, 0}) Send(control::Swept{deploy().fence, subtask});
    }
  } else if (std::holds_alternative<control::StartRunning>(message)) {
    for (SubtaskId subtask : deploy().subtasks) {
      if (run) SendState(subtask, control::SubtaskState::kRunning);
    }
  } else if (auto* m = std::get_if<control::TriggerCheckpoint>(&message)) {
    harness_->OnTrigger(*m);
  } else if (auto* m = std::get_if<control::CheckpointComplete>(&message)) {
    if (confirm) Confirm(m->checkpoint);
  } else if (auto* m = std::get_if<control::ProbeStorage>(&message)) {
    if (probe) Send(control::ProbeResult{m->fence, m->probe, absl::OkStatus()});
  } else if (auto* m = std::get_if<control::CancelAttempt>(&message)) {
    if (!deployed() || deploy().fence.attempt > m->fence.attempt) return;
    for (SubtaskId subtask : deploy().subtasks) {
      if (cancel) SendState(subtask, control::SubtaskState::kCancelled);
    }
    deploy_.reset();
  }
}

Harness::Harness() {
  options.checkpoint_storage = kStorage;
  options.build_id = "b1";
  options.adoption_timeout = 0;  // tests of adoption set it
  StartJobManager();
}

Harness::~Harness() = default;

void Harness::StartJobManager() {
  for (auto& tm : taskmanagers) tm->closed = true;
  manager.reset();
  store = std::make_unique<MemoryMetadataStore>(&metadata);
  JobManagerParts parts;
  parts.loop = &loop;
  parts.io = &io;
  parts.background = &background;
  parts.store = store.get();
  parts.open_storage = [this](const std::string& uri,
                              bool) -> absl::StatusOr<std::shared_ptr<checkpoint::Storage>> {
    if (uri != kStorage) return absl::UnavailableError(uri + " is not there");
    return std::shared_ptr<checkpoint::Storage>(storage);
  };
  parts.preflight = [this](const job::JobSpec&) { return preflight; };
  parts.compile =
      [this](
          const std::string& spec) -> absl::StatusOr<std::shared_ptr<const plan::ExecutionPlan>> {
    auto it = specs_.find(spec);
    if (it == specs_.end()) return absl::InvalidArgumentError("unknown key");
    return it->second;
  };
  parts.seed = metadata.epoch.value;
  parts.on_deposed = [this](absl::Status why) { deposed.push_back(std::move(why)); };
  manager = std::make_unique<JobManager>(options, std::move(parts));
  absl::Status started = absl::UnknownError("not answered");
  manager->Start([&](absl::Status status) { started = std::move(status); });
  loop.Drain();
  REQUIRE(started.ok());
}

FakeTaskManager& Harness::AddTaskManager(const std::string& name, int slots) {
  taskmanagers.push_back(std::make_unique<FakeTaskManager>(this, name, slots, next_incarnation_++));
  taskmanagers.back()->Register();
  loop.Drain();
  return *taskmanagers.back();
}

std::string Harness::AddSpec(const std::string& text,
                             const std::function<void(job::JobSpec&)>& change) {
  job::JobSpec spec;
  spec.name = text;
  spec.parallelism = 2;
  spec.checkpoint.interval = kSeconds;
  spec.checkpoint.timeout = 5 * kSeconds;
  if (change) change(spec);
  specs_[text] = TestPlan(std::move(spec));
  return text;
}

absl::StatusOr<JobId> Harness::Submit(const std::string& spec, const std::string& from) {
  auto answer = std::make_shared<std::optional<absl::StatusOr<JobId>>>();
  manager->Submit({spec, from}, [answer](absl::StatusOr<JobId> id) { *answer = std::move(id); });
  loop.Drain();
  if (!*answer) return absl::DeadlineExceededError("not answered yet");
  return **answer;
}

JobStatus Harness::Status(const std::string& job) {
  std::optional<absl::StatusOr<JobStatus>> answer;
  manager->Get(job, [&](absl::StatusOr<JobStatus> status) { answer = std::move(status); });
  loop.Drain();
  REQUIRE(answer.has_value());
  REQUIRE(answer->ok());
  return **answer;
}

void Harness::Advance(SteadyMicros micros) {
  // Everybody who lives sends heartbeats.
  while (micros > 0) {
    const SteadyMicros step = std::min(micros, 500 * kMillis);
    loop.Advance(step);
    micros -= step;
    for (auto& tm : taskmanagers) tm->Send(control::Heartbeat{});
    loop.Drain();
  }
}

FakeTaskManager& Harness::RunningJob(const std::function<void(job::JobSpec&)>& change) {
  FakeTaskManager& tm = AddTaskManager("tm-1", 4);
  REQUIRE(Submit(AddSpec("fraud", change)).ok());
  REQUIRE(State("fraud") == "RUNNING");
  return tm;
}

std::string Harness::From(const std::string& user_path) {
  return "file:///mem/" + user_path.substr(std::string("memory:///").size());
}

const JobRecord& Harness::Record(const std::string& name) const {
  const JobRecord* found = nullptr;
  for (const auto& [id, job] : metadata.jobs) {
    if (job.record.name == name) found = &job.record;
  }
  REQUIRE(found != nullptr);
  return *found;
}

void Harness::OnTrigger(const control::TriggerCheckpoint& trigger) {
  // The barrier goes from the sources to everybody.
  const std::string key = absl::StrCat(trigger.fence.job.value, "-", trigger.fence.attempt.value,
                                       "-", trigger.checkpoint.value);
  if (!triggered_.insert(key).second) return;
  for (auto& tm : taskmanagers) {
    if (!tm->closed && tm->ack && tm->deployed() && tm->deploy().fence == trigger.fence)
      tm->Ack(trigger.checkpoint);
  }
}

std::shared_ptr<const plan::ExecutionPlan> TestPlan(job::JobSpec spec) {
  auto node = [&](const char* name, job::NodeKind kind, const char* type) {
    job::Node n;
    n.name = name;
    n.kind = kind;
    n.type = type;
    spec.nodes.push_back(n);
  };
  if (spec.nodes.empty()) {
    node("in", job::NodeKind::kSource, "generator");
    node("per_user", job::NodeKind::kOperator, "window_aggregate");
    node("out", job::NodeKind::kSink, "file");
  }
  auto plan = std::make_shared<plan::ExecutionPlan>();
  auto op = [&](int index, plan::OperatorKind kind) {
    plan::PlanOperator o;
    o.name = spec.nodes[index].name;
    o.kind = kind;
    o.node = index;
    if (kind == plan::OperatorKind::kWindowAggregate) {
      o.stateful = true;
      o.state_layout = "count";
    }
    return o;
  };
  plan::Task source, window;
  source.index = 0;
  source.name = "in";
  source.parallelism = spec.parallelism;
  source.operators = {op(0, plan::OperatorKind::kSource)};
  window.index = 1;
  window.name = "per_user -> out";
  window.parallelism = spec.parallelism;
  window.operators = {op(1, plan::OperatorKind::kWindowAggregate),
                      op(2, plan::OperatorKind::kSink)};
  plan->tasks = {source, window};
  plan->max_parallelism = spec.max_parallelism;
  plan->slots = spec.parallelism;
  plan->digest = "digest";
  plan->spec = std::make_shared<const job::JobSpec>(std::move(spec));
  return plan;
}

}  // namespace weir::jobmanager
