#include "jobmanager/job_manager.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log/log.h"
#include "common/checkpoint/storage_id.h"
#include "jobmanager/job_manager_impl.h"
#include "jobmanager/known_storage.h"

namespace weir::jobmanager {
namespace {

constexpr size_t kMaxRunningJobs = 1000;
constexpr SteadyMicros kStorageRetry = 1'000'000;
/// How often a watcher hears of rows.
constexpr SteadyMicros kTellEvery = 250'000;

RegistryOptions RegistryOptionsOf(const JobManagerOptions& options, LeaderEpoch epoch) {
  return {epoch,
          options.build_id,
          options.checkpoint_storage,
          checkpoint::kStorageIdPath,
          options.heartbeat_interval,
          options.heartbeat_timeout};
}

}  // namespace

JobManager::Impl::Impl(JobManagerOptions options, JobManagerParts parts)
    : registry_(RegistryOptionsOf(options, parts.store->epoch())), rng_(parts.seed) {
  context_.options = std::move(options);
  context_.parts = std::move(parts);
  context_.epoch = context_.parts.store->epoch();
  context_.registry = &registry_;
  context_.send = [this](const std::string& name, Incarnation incarnation,
                         control::ToTaskManager message) {
    Send(name, incarnation, std::move(message));
  };
  context_.changed = [this](JobMaster* job, bool at_once) { OnChanged(job, at_once); };
  context_.slots_freed = [this] { OfferSlots(); };
  context_.ended = [this](JobMaster* job) { OnEnded(job); };
  context_.is_running = [this](const JobId& id) {
    return std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& master) {
      return master->record().id == id && !master->ended();
    });
  };
}

void JobManager::Impl::Start(std::function<void(absl::Status)> done) {
  OpenClusterStorage();
  runtime::RunThen<absl::StatusOr<std::vector<MetadataStore::StoredJob>>>(
      context_.parts.io, loop(), [store = context_.parts.store] { return store->Load(); },
      [self = shared_from_this(),
       done = std::move(done)](absl::StatusOr<std::vector<MetadataStore::StoredJob>> stored) {
        if (!stored.ok()) return done(stored.status());
        self->TakeUp(*std::move(stored));
        done(absl::OkStatus());
      });
}

void JobManager::Impl::OpenClusterStorage() {
  runtime::RunThen<KnownStorage>(
      context_.parts.background, loop(),
      [parts = &context_.parts, uri = context_.options.checkpoint_storage, fresh = rng_.Hex(32)] {
        return OpenKnownStorage(*parts, uri, fresh);
      },
      [self = shared_from_this()](const KnownStorage& known) {
        if (known.status.ok()) return self->Carry(self->registry_.SetStorageId(known.id));
        log::Warning(absl::StrCat("checkpoint storage is not available, trying again: ",
                                  known.status.message()));
        self->loop()->PostAt(self->context_.now() + kStorageRetry, [weak = self->weak_from_this()] {
          if (auto impl = weak.lock()) impl->OpenClusterStorage();
        });
      });
}

void JobManager::Impl::TakeUp(std::vector<MetadataStore::StoredJob> stored) {
  std::stable_sort(stored.begin(), stored.end(), [](const auto& a, const auto& b) {
    return a.record.submitted_at_ms < b.record.submitted_at_ms;
  });
  started_ = true;
  for (MetadataStore::StoredJob& job : stored) {
    auto plan = context_.parts.compile(job.spec);
    const bool ended = IsEnded(job.record.state);
    jobs_.push_back(std::make_shared<JobMaster>(&context_, std::move(job.record),
                                                std::move(job.spec), plan.ok() ? *plan : nullptr));
    if (ended) {
      jobs_.back()->SetRecorded();
    } else if (plan.ok()) {
      jobs_.back()->Resume();
    } else {
      jobs_.back()->ResumeAsFailed(plan.status());
    }
  }
  log::Info(absl::StrCat("leads with epoch ", context_.epoch.value, ", ", jobs_.size(),
                         " jobs recorded"));
}

absl::Status JobManager::Impl::Ready() const {
  return started_ ? absl::OkStatus()
                  : absl::UnavailableError("the JobManager is starting; try again");
}

absl::StatusOr<std::shared_ptr<JobMaster>> JobManager::Impl::Find(const std::string& job) const {
  if (absl::Status ready = Ready(); !ready.ok()) return ready;
  std::shared_ptr<JobMaster> found;
  for (const auto& master : jobs_) {
    if (!master->recorded()) continue;
    if (master->record().id.value == job) return master;
    if (master->record().name != job) continue;
    // Of a name, the one that has not ended, else the one that ended last.
    if (!found || !master->ended() ||
        (found->ended() && master->record().ended_at_ms >= found->record().ended_at_ms)) {
      found = master;
    }
  }
  if (found) return found;
  return absl::NotFoundError(absl::StrCat("no job `", job, "`; `weir list` shows all"));
}

absl::Status JobManager::Impl::Validate(const std::string& spec) const {
  return context_.parts.compile(spec).status();
}

void JobManager::Impl::Submit(SubmitRequest request, Done<JobId> done) {
  if (absl::Status ready = Ready(); !ready.ok()) return done(ready);
  auto plan = context_.parts.compile(request.spec);
  if (!plan.ok()) return done(plan.status());
  const job::JobSpec& spec = *(*plan)->spec;
  size_t running = 0;
  for (const auto& master : jobs_) {
    if (master->ended()) continue;
    ++running;
    if (master->record().name == spec.name) {
      return done(absl::AlreadyExistsError(
          absl::StrCat("a job `", spec.name, "` is ", ToString(master->state()), " (id ",
                       master->record().id.value, "); cancel or stop it first")));
    }
  }
  if (running >= kMaxRunningJobs) {
    return done(absl::ResourceExhaustedError(absl::StrCat("there are ", running, " jobs already")));
  }
  JobRecord record;
  record.id.value = rng_.Hex(32);
  record.name = spec.name;
  record.storage = spec.checkpoint.storage.empty() ? context_.options.checkpoint_storage
                                                   : spec.checkpoint.storage;
  while (record.storage.size() > 8 && record.storage.back() == '/') record.storage.pop_back();
  record.from = request.from;
  record.unresolved = request.unresolved;
  record.submitted_at_ms = context_.wall_ms();
  auto master = std::make_shared<JobMaster>(&context_, std::move(record), request.spec, *plan);
  jobs_.push_back(master);
  master->Submit(request, std::move(done));
}

std::vector<JobSummary> JobManager::Impl::List() const {
  std::vector<JobSummary> list;
  for (const auto& master : jobs_) {
    if (master->recorded()) list.push_back(master->Summary());
  }
  return list;
}

std::vector<JobStatus> JobManager::Impl::Running() const {
  std::vector<JobStatus> list;
  for (const auto& master : jobs_) {
    if (master->recorded() && !master->ended()) list.push_back(master->Status());
  }
  return list;
}

std::vector<JobTransactions> JobManager::Impl::RunningTransactions() const {
  std::vector<JobTransactions> list;
  for (const auto& master : jobs_) {
    if (master->recorded() && !master->ended()) list.push_back(master->Transactions());
  }
  return list;
}

void JobManager::Impl::OnEnded(JobMaster* job) {
  OnChanged(job, true);
  // Later: the JobMaster is in the middle of its work.
  loop()->Post([self = shared_from_this()] { self->Prune(); });
}

void JobManager::Impl::Prune() {
  // A refused submission was never recorded: nothing to list.
  std::erase_if(jobs_, [](const auto& master) { return master->ended() && !master->recorded(); });
  std::vector<std::shared_ptr<JobMaster>> ended;
  for (const auto& master : jobs_) {
    if (master->ended()) ended.push_back(master);
  }
  if (ended.size() <= context_.options.ended_jobs_kept) return;
  std::stable_sort(ended.begin(), ended.end(), [](const auto& a, const auto& b) {
    return a->record().ended_at_ms < b->record().ended_at_ms;
  });
  ended.resize(ended.size() - context_.options.ended_jobs_kept);
  for (const auto& master : ended) {
    master->Forget();
    std::erase(jobs_, master);
  }
}

void JobManager::Impl::Watch(uint64_t id, const std::string& job,
                             std::function<void(const absl::StatusOr<JobStatus>&)> on_update) {
  auto found = Find(job);
  if (!found.ok()) return on_update(found.status());
  const JobStatus status = (*found)->Status();
  on_update(status);
  if (!IsEnded(status.state)) watchers_[id] = {status.id, std::move(on_update)};
}

void JobManager::Impl::OnChanged(JobMaster* job, bool at_once) {
  if (watchers_.empty()) return;
  changed_.insert(job->record().id);
  if (at_once && !telling_) {
    telling_ = true;
    loop()->Post([self = shared_from_this()] { self->TellWatchers(); });
  } else if (!at_once && !telling_late_) {
    telling_late_ = true;
    loop()->PostAt(context_.now() + kTellEvery, [self = shared_from_this()] {
      self->telling_late_ = false;
      self->TellWatchers();
    });
  }
}

void JobManager::Impl::TellWatchers() {
  telling_ = false;
  const std::set<JobId> changed = std::move(changed_);
  changed_.clear();
  for (const JobId& id : changed) {
    auto master = Find(id.value);
    if (!master.ok()) continue;
    const JobStatus status = (*master)->Status();
    std::vector<uint64_t> to;
    for (const auto& [number, watcher] : watchers_) {
      if (watcher.job == id) to.push_back(number);
    }
    for (uint64_t number : to) {
      auto watcher = watchers_.find(number);
      if (watcher == watchers_.end()) continue;
      const auto on_update = watcher->second.on_update;
      if (IsEnded(status.state)) watchers_.erase(watcher);
      on_update(status);
    }
  }
}

// ---- the thread-safe face
// ------------------------------------------------------------------------------------------

JobManager::JobManager(JobManagerOptions options, JobManagerParts parts)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(parts))) {}
JobManager::~JobManager() = default;

void JobManager::Start(std::function<void(absl::Status)> done) {
  impl_->loop()->Post([impl = impl_, done = std::move(done)] { impl->Start(done); });
}

void JobManager::Validate(std::string spec, Done<std::monostate> done) {
  impl_->loop()->Post([impl = impl_, spec = std::move(spec), done = std::move(done)] {
    const absl::Status status = impl->Validate(spec);
    if (status.ok()) {
      done(std::monostate{});
    } else {
      done(status);
    }
  });
}

void JobManager::Submit(SubmitRequest request, Done<JobId> done) {
  impl_->loop()->Post([impl = impl_, request = std::move(request), done = std::move(done)] {
    impl->Submit(request, done);
  });
}

void JobManager::List(Done<std::vector<JobSummary>> done) {
  impl_->loop()->Post([impl = impl_, done = std::move(done)] {
    if (absl::Status ready = impl->Ready(); !ready.ok()) return done(ready);
    done(impl->List());
  });
}

void JobManager::Get(std::string job, Done<JobStatus> done) {
  impl_->loop()->Post([impl = impl_, job = std::move(job), done = std::move(done)] {
    auto master = impl->Find(job);
    if (!master.ok()) return done(master.status());
    done((*master)->Status());
  });
}

void JobManager::Cancel(std::string job, Done<JobStatus> done) {
  impl_->loop()->Post([impl = impl_, job = std::move(job), done = std::move(done)] {
    auto master = impl->Find(job);
    if (!master.ok()) return done(master.status());
    (*master)->Cancel(done);
  });
}

void JobManager::Stop(std::string job, Done<CheckpointInfo> done) {
  impl_->loop()->Post([impl = impl_, job = std::move(job), done = std::move(done)] {
    auto master = impl->Find(job);
    if (!master.ok()) return done(master.status());
    (*master)->Stop(done);
  });
}

void JobManager::Savepoint(std::string job, Done<CheckpointInfo> done) {
  impl_->loop()->Post([impl = impl_, job = std::move(job), done = std::move(done)] {
    auto master = impl->Find(job);
    if (!master.ok()) return done(master.status());
    (*master)->Savepoint(done);
  });
}

void JobManager::Checkpoints(std::string job, Done<std::vector<CheckpointInfo>> done) {
  impl_->loop()->Post([impl = impl_, job = std::move(job), done = std::move(done)] {
    auto master = impl->Find(job);
    if (!master.ok()) return done(master.status());
    done((*master)->Checkpoints());
  });
}

void JobManager::Transactions(std::string job, Done<JobTransactions> done) {
  impl_->loop()->Post([impl = impl_, job = std::move(job), done = std::move(done)] {
    auto master = impl->Find(job);
    if (!master.ok()) return done(master.status());
    done((*master)->Transactions());
  });
}

void JobManager::RunningTransactions(Done<std::vector<JobTransactions>> done) {
  impl_->loop()->Post(
      [impl = impl_, done = std::move(done)] { done(impl->RunningTransactions()); });
}

void JobManager::Cluster(Done<ClusterInfo> done) {
  impl_->loop()->Post([impl = impl_, done = std::move(done)] { done(impl->Cluster()); });
}

void JobManager::Running(Done<std::vector<JobStatus>> done) {
  impl_->loop()->Post([impl = impl_, done = std::move(done)] { done(impl->Running()); });
}

std::unique_ptr<JobApi::Subscription> JobManager::Watch(
    std::string job, std::function<void(const absl::StatusOr<JobStatus>&)> on_update) {
  class Watching final : public Subscription {
   public:
    Watching(std::shared_ptr<Impl> impl, uint64_t id) : impl_(std::move(impl)), id_(id) {}
    ~Watching() override {
      impl_->loop()->Post([impl = impl_, id = id_] { impl->Unwatch(id); });
    }

   private:
    const std::shared_ptr<Impl> impl_;
    const uint64_t id_;
  };
  static std::atomic<uint64_t> next_id{1};
  const uint64_t id = next_id++;
  impl_->loop()->Post([impl = impl_, id, job = std::move(job), on_update = std::move(on_update)] {
    impl->Watch(id, job, on_update);
  });
  return std::make_unique<Watching>(impl_, id);
}

void JobManager::OnOpened(std::shared_ptr<control::TaskManagerLink> link, const std::string& peer) {
  impl_->loop()->Post([impl = impl_, link = std::move(link), peer] { impl->OnOpened(link, peer); });
}

void JobManager::OnMessage(control::TaskManagerLink* link, control::ToJobManager message) {
  // Messages are large and closures are copied: shared.
  auto shared = std::make_shared<control::ToJobManager>(std::move(message));
  impl_->loop()->Post([impl = impl_, link, shared] { impl->OnMessage(link, *shared); });
}

void JobManager::OnClosed(control::TaskManagerLink* link, absl::Status why) {
  impl_->loop()->Post([impl = impl_, link, why = std::move(why)] { impl->OnClosed(link, why); });
}

}  // namespace weir::jobmanager
