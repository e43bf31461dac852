#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "jobmanager/job_api.h"

namespace weir::client {

/// Answers at once with what a test has put in; watchers get the scripted updates one after
/// another.
class FakeJobApi final : public jobmanager::JobApi {
 public:
  template <typename T>
  static T Next(std::deque<T>& script) {
    T next = script.front();
    if (script.size() > 1) script.pop_front();
    return next;
  }

  void Validate(std::string, jobmanager::Done<std::monostate> done) override {
    done(std::monostate());
  }
  void Submit(jobmanager::SubmitRequest request, jobmanager::Done<JobId> done) override {
    submitted.push_back(std::move(request));
    done(submit_answer);
  }
  void List(jobmanager::Done<std::vector<jobmanager::JobSummary>> done) override {
    done(list_answer);
  }
  void Get(std::string job, jobmanager::Done<jobmanager::JobStatus> done) override {
    asked.push_back(job);
    done(Next(get_answers));
  }
  void Cancel(std::string job, jobmanager::Done<jobmanager::JobStatus> done) override {
    asked.push_back(job);
    done(Next(cancel_answers));
  }
  void Stop(std::string job, jobmanager::Done<jobmanager::CheckpointInfo> done) override {
    asked.push_back(job);
    done(Next(stop_answers));
  }
  void Savepoint(std::string job, jobmanager::Done<jobmanager::CheckpointInfo> done) override {
    asked.push_back(job);
    done(Next(stop_answers));
  }
  void Checkpoints(std::string,
                   jobmanager::Done<std::vector<jobmanager::CheckpointInfo>> done) override {
    done(checkpoints_answer);
  }
  void Transactions(std::string job,
                    jobmanager::Done<jobmanager::JobTransactions> done) override {
    asked.push_back(job);
    done(transactions_answer);
  }
  void Cluster(jobmanager::Done<jobmanager::ClusterInfo> done) override { done(cluster_answer); }

  std::unique_ptr<Subscription> Watch(
      std::string job,
      std::function<void(const absl::StatusOr<jobmanager::JobStatus>&)> on_update) override {
    asked.push_back(job);
    if (on_watch) on_watch();
    on_update(Next(watch_updates));
    return std::make_unique<Subscription>();
  }

  absl::StatusOr<jobmanager::JobTransactions> transactions_answer = jobmanager::JobTransactions();
  absl::StatusOr<JobId> submit_answer = JobId{"0123"};
  absl::StatusOr<std::vector<jobmanager::JobSummary>> list_answer =
      std::vector<jobmanager::JobSummary>();
  absl::StatusOr<std::vector<jobmanager::CheckpointInfo>> checkpoints_answer =
      std::vector<jobmanager::CheckpointInfo>();
  absl::StatusOr<jobmanager::ClusterInfo> cluster_answer = jobmanager::ClusterInfo();
  /// The last one is repeated. Each subscription gets one update.
  std::deque<absl::StatusOr<jobmanager::JobStatus>> get_answers, cancel_answers, watch_updates;
  std::deque<absl::StatusOr<jobmanager::CheckpointInfo>> stop_answers;
  std::function<void()> on_watch;
  std::vector<jobmanager::SubmitRequest> submitted;
  std::vector<std::string> asked;
};

}  // namespace weir::client
