#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/control/control_link.h"
#include "jobmanager/job_api.h"

namespace weir {

/// A value that one thread waits for and another changes. Waits at most 30 s.
template <typename T>
class Watched {
 public:
  template <typename F>
  void Change(F&& f) {
    std::lock_guard lock(mutex_);
    f(value_);
    changed_.notify_all();
  }
  template <typename F>
  bool Await(F&& f) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return f(value_); });
  }
  T get() {
    std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

/// Waits for the answer of a call.
template <typename T>
absl::StatusOr<T> Ask(const std::function<void(jobmanager::Done<T>)>& start) {
  auto answer = std::make_shared<Watched<std::vector<absl::StatusOr<T>>>>();
  start([answer](absl::StatusOr<T> value) {
    answer->Change([&](auto& all) { all.push_back(std::move(value)); });
  });
  if (!answer->Await([](const auto& all) { return !all.empty(); }))
    return absl::DeadlineExceededError("test: no answer");
  return answer->get().front();
}

/// A JobManager's API that answers what it is told to. A job called `hang` is never answered,
/// `missing` does not exist.
class FakeJobApi final : public jobmanager::JobApi {
 public:
  template <typename T>
  void Answer(const std::string& job, const T& value, jobmanager::Done<T> done) {
    asked.Change([&](auto& jobs) { jobs.push_back(job); });
    if (job == "hang") {
      held.Change(
          [&](auto& all) { all.push_back([done = std::move(done), value] { done(value); }); });
    } else if (job == "missing") {
      done(absl::NotFoundError("no job called `missing`"));
    } else if (job == "long") {
      done(absl::InvalidArgumentError(std::string(1 << 20, 'x')));
    } else {
      done(value);
    }
  }
  void Validate(std::string spec, jobmanager::Done<std::monostate> done) override {
    Answer(spec, std::monostate(), std::move(done));
  }
  void Submit(jobmanager::SubmitRequest request, jobmanager::Done<JobId> done) override {
    submitted = request;
    Answer(request.spec, JobId{"id-1"}, std::move(done));
  }
  void List(jobmanager::Done<std::vector<jobmanager::JobSummary>> done) override {
    Answer("", list, std::move(done));
  }
  void Get(std::string job, jobmanager::Done<jobmanager::JobStatus> done) override {
    Answer(job, status, std::move(done));
  }
  void Cancel(std::string job, jobmanager::Done<jobmanager::JobStatus> done) override {
    Answer(job, status, std::move(done));
  }
  void Stop(std::string job, jobmanager::Done<jobmanager::CheckpointInfo> done) override {
    Answer(job, checkpoint, std::move(done));
  }
  void Savepoint(std::string job, jobmanager::Done<jobmanager::CheckpointInfo> done) override {
    Answer(job, checkpoint, std::move(done));
  }
  void Checkpoints(std::string job,
                   jobmanager::Done<std::vector<jobmanager::CheckpointInfo>> done) override {
    Answer(job, std::vector<jobmanager::CheckpointInfo>{checkpoint, checkpoint}, std::move(done));
  }
  void Transactions(std::string job,
                    jobmanager::Done<jobmanager::JobTransactions> done) override {
    Answer(job, transactions, std::move(done));
  }
  void Cluster(jobmanager::Done<jobmanager::ClusterInfo> done) override {
    Answer("", cluster, std::move(done));
  }

  class Watching final : public Subscription {
   public:
    explicit Watching(FakeJobApi* api) : api_(api) {}
    ~Watching() override {
      api_->watchers.Change([](auto& all) { all.pop_back(); });
    }

   private:
    FakeJobApi* const api_;
  };
  using OnUpdate = std::function<void(const absl::StatusOr<jobmanager::JobStatus>&)>;
  std::unique_ptr<Subscription> Watch(std::string job, OnUpdate on_update) override {
    watchers.Change([&](auto& all) { all.push_back(on_update); });
    return std::make_unique<Watching>(this);
  }

  jobmanager::JobStatus status;
  jobmanager::CheckpointInfo checkpoint;
  std::vector<jobmanager::JobSummary> list;
  jobmanager::ClusterInfo cluster;
  jobmanager::JobTransactions transactions;
  jobmanager::SubmitRequest submitted;
  Watched<std::vector<std::string>> asked;
  Watched<std::vector<std::function<void()>>> held;
  Watched<std::vector<OnUpdate>> watchers;
};

/// Notes what happens to links.
class FakeHandler final : public control::TaskManagerLinkHandler {
 public:
  struct Seen {
    std::vector<std::shared_ptr<control::TaskManagerLink>> opened;
    std::vector<control::ToJobManager> messages;
    std::vector<absl::Status> closed;
  };
  void OnOpened(std::shared_ptr<control::TaskManagerLink> link, const std::string&) override {
    seen.Change([&](Seen& s) { s.opened.push_back(std::move(link)); });
  }
  void OnMessage(control::TaskManagerLink*, control::ToJobManager message) override {
    seen.Change([&](Seen& s) { s.messages.push_back(std::move(message)); });
  }
  void OnClosed(control::TaskManagerLink*, absl::Status why) override {
    seen.Change([&](Seen& s) { s.closed.push_back(std::move(why)); });
  }
  Watched<Seen> seen;
};

}  // namespace weir
