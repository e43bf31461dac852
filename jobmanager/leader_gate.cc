#include "jobmanager/leader_gate.h"

#include <mutex>
#include <utility>
#include <vector>

namespace weir::jobmanager {

/// The calls that are open in one lead, each with what answers it when the lead ends.
class LeaderGate::OpenCalls {
 public:
  using Abort = std::function<void(const absl::Status&)>;

  /// Nothing when the lead has ended: `abort` is the caller's to call.
  uint64_t Add(Abort abort) {
    std::lock_guard lock(mutex_);
    if (ended_) return 0;
    open_.emplace(++last_, std::move(abort));
    return last_;
  }
  bool IsOpen(uint64_t id) const {
    std::lock_guard lock(mutex_);
    return open_.contains(id);
  }
  /// True once: whoever takes it answers.
  bool Take(uint64_t id) {
    Abort last;  // ends without the lock
    std::lock_guard lock(mutex_);
    const auto it = open_.find(id);
    if (it == open_.end()) return false;
    last = std::move(it->second);
    open_.erase(it);
    return true;
  }
  void AbortAll(const absl::Status& why) {
    std::map<uint64_t, Abort> open;
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
      open.swap(open_);
    }
    for (const auto& [id, abort] : open) abort(why);
  }

 private:
  mutable runtime::Mutex mutex_;
  std::map<uint64_t, Abort> open_;
  uint64_t last_ = 0;
  bool ended_ = false;
};

LeaderGate::LeaderGate(std::function<std::string()> leader) : leader_(std::move(leader)) {}
LeaderGate::~LeaderGate() = default;

absl::Status LeaderGate::NotLeadingHere() const { return NotLeading(leader_ ? leader_() : ""); }

void LeaderGate::Lead(std::shared_ptr<JobManager> manager) {
  std::lock_guard lock(mutex_);
  manager_ = std::move(manager);
  calls_ = std::make_shared<OpenCalls>();
}

bool LeaderGate::leads() const {
  std::lock_guard lock(mutex_);
  return manager_ != nullptr;
}

void LeaderGate::StepDown() {
  std::shared_ptr<JobManager> manager;
  std::shared_ptr<OpenCalls> calls;
  std::map<control::TaskManagerLink*, Stream> streams;
  {
    std::lock_guard lock(mutex_);
    manager.swap(manager_);
    calls.swap(calls_);
    streams.swap(streams_);
  }
  const absl::Status why = NotLeadingHere();
  if (calls != nullptr) calls->AbortAll(why);
  // In the order they came: not in that of addresses, which no two runs have alike.
  std::map<uint64_t, std::shared_ptr<control::TaskManagerLink>> links;
  for (auto& [link, stream] : streams) links.emplace(stream.number, std::move(stream.link));
  for (const auto& [number, link] : links) link->Close(why);
}

template <typename T>
void LeaderGate::Pass(Done<T> done, const std::function<void(JobManager&, Done<T>)>& call) {
  std::shared_ptr<JobManager> manager;
  std::shared_ptr<OpenCalls> calls;
  {
    std::lock_guard lock(mutex_);
    manager = manager_;
    calls = calls_;
  }
  if (manager == nullptr) return done(NotLeadingHere());
  auto shared = std::make_shared<Done<T>>(std::move(done));
  const uint64_t id = calls->Add([shared](const absl::Status& why) { (*shared)(why); });
  if (id == 0) return (*shared)(NotLeadingHere());
  call(*manager, [calls, id, shared](absl::StatusOr<T> answer) {
    if (calls->Take(id)) (*shared)(std::move(answer));
  });
}

void LeaderGate::Validate(std::string spec, Done<std::monostate> done) {
  Pass<std::monostate>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Validate(std::move(spec), std::move(passed));
  });
}
void LeaderGate::Submit(SubmitRequest request, Done<JobId> done) {
  Pass<JobId>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Submit(std::move(request), std::move(passed));
  });
}
void LeaderGate::List(Done<std::vector<JobSummary>> done) {
  Pass<std::vector<JobSummary>>(std::move(done), [](JobManager& manager, auto passed) {
    manager.List(std::move(passed));
  });
}
void LeaderGate::Get(std::string job, Done<JobStatus> done) {
  Pass<JobStatus>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Get(std::move(job), std::move(passed));
  });
}
void LeaderGate::Cancel(std::string job, Done<JobStatus> done) {
  Pass<JobStatus>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Cancel(std::move(job), std::move(passed));
  });
}
void LeaderGate::Stop(std::string job, Done<CheckpointInfo> done) {
  Pass<CheckpointInfo>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Stop(std::move(job), std::move(passed));
  });
}
void LeaderGate::Savepoint(std::string job, Done<CheckpointInfo> done) {
  Pass<CheckpointInfo>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Savepoint(std::move(job), std::move(passed));
  });
}
void LeaderGate::Checkpoints(std::string job, Done<std::vector<CheckpointInfo>> done) {
  Pass<std::vector<CheckpointInfo>>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Checkpoints(std::move(job), std::move(passed));
  });
}
void LeaderGate::Transactions(std::string job, Done<JobTransactions> done) {
  Pass<JobTransactions>(std::move(done), [&](JobManager& manager, auto passed) {
    manager.Transactions(std::move(job), std::move(passed));
  });
}
void LeaderGate::Cluster(Done<ClusterInfo> done) {
  Pass<ClusterInfo>(std::move(done), [](JobManager& manager, auto passed) {
    manager.Cluster(std::move(passed));
  });
}
void LeaderGate::Running(Done<std::vector<JobStatus>> done) {
  Pass<std::vector<JobStatus>>(std::move(done), [](JobManager& manager, auto passed) {
    manager.Running(std::move(passed));
  });
}
void LeaderGate::RunningTransactions(Done<std::vector<JobTransactions>> done) {
  Pass<std::vector<JobTransactions>>(std::move(done), [](JobManager& manager, auto passed) {
    manager.RunningTransactions(std::move(passed));
  });
}

std::unique_ptr<JobApi::Subscription> LeaderGate::Watch(
    std::string job, std::function<void(const absl::StatusOr<JobStatus>&)> on_update) {
  class Watching final : public Subscription {
   public:
    Watching(std::shared_ptr<OpenCalls> calls, uint64_t id, std::shared_ptr<JobManager> manager)
        : calls_(std::move(calls)), id_(id), manager_(std::move(manager)) {}
    ~Watching() override { calls_->Take(id_); }
    void Keep(std::unique_ptr<Subscription> inner) { inner_ = std::move(inner); }

   private:
    const std::shared_ptr<OpenCalls> calls_;
    const uint64_t id_;
    const std::shared_ptr<JobManager> manager_;
    std::unique_ptr<Subscription> inner_;  // ends before the manager
  };
  std::shared_ptr<JobManager> manager;
  std::shared_ptr<OpenCalls> calls;
  {
    std::lock_guard lock(mutex_);
    manager = manager_;
    calls = calls_;
  }
  auto shared = std::make_shared<decltype(on_update)>(std::move(on_update));
  const uint64_t id =
      calls == nullptr ? 0 : calls->Add([shared](const absl::Status& why) { (*shared)(why); });
  if (id == 0) {
    (*shared)(NotLeadingHere());
    return std::make_unique<Subscription>();
  }
  auto watching = std::make_unique<Watching>(calls, id, manager);
  watching->Keep(manager->Watch(std::move(job),
                                [calls, id, shared](const absl::StatusOr<JobStatus>& status) {
                                  if (calls->IsOpen(id)) (*shared)(status);
                                }));
  return watching;
}

void LeaderGate::OnOpened(std::shared_ptr<control::TaskManagerLink> link, const std::string& peer) {
  std::shared_ptr<JobManager> manager;
  {
    std::lock_guard lock(mutex_);
    manager = manager_;
    if (manager != nullptr) streams_[link.get()] = {link, manager, ++last_stream_};
  }
  if (manager != nullptr) {
    manager->OnOpened(std::move(link), peer);
  } else {
    link->Close(NotLeadingHere());
  }
}

void LeaderGate::OnMessage(control::TaskManagerLink* link, control::ToJobManager message) {
  std::shared_ptr<JobManager> manager;
  {
    std::lock_guard lock(mutex_);
    if (const auto it = streams_.find(link); it != streams_.end()) manager = it->second.manager;
  }
  if (manager != nullptr) manager->OnMessage(link, std::move(message));
}

void LeaderGate::OnClosed(control::TaskManagerLink* link, absl::Status why) {
  Stream stream;  // ends without the lock
  {
    std::lock_guard lock(mutex_);
    const auto it = streams_.find(link);
    if (it == streams_.end()) return;
    stream = std::move(it->second);
    streams_.erase(it);
  }
  stream.manager->OnClosed(link, std::move(why));
}

}  // namespace weir::jobmanager
