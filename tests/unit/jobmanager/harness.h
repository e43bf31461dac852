#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/control/control_link.h"
#include "common/plan/plan.h"
#include "jobmanager/job_manager.h"
#include "tests/support/memory_storage.h"
#include "tests/support/virtual_loop.h"
#include "tests/unit/jobmanager/memory_metadata.h"

namespace weir::jobmanager {

constexpr SteadyMicros kMillis = 1'000;
constexpr SteadyMicros kSeconds = 1'000'000;
constexpr char kStorage[] = "file:///mem";

class Harness;

/// A TaskManager that does what it is told at once, unless the test says otherwise.
class FakeTaskManager {
 public:
  FakeTaskManager(Harness* harness, std::string name, int slots, uint64_t incarnation);
  ~FakeTaskManager();

  void Register();
  /// The stream breaks.
  void Die();
  void Send(control::ToJobManager message);
  template <typename T>
  std::vector<T> All() const {
    std::vector<T> found;
    for (const auto& m : inbox) {
      if (auto* t = std::get_if<T>(&m)) found.push_back(*t);
    }
    return found;
  }
  template <typename T>
  int Count() const {
    return static_cast<int>(All<T>().size());
  }
  const control::Deploy& deploy() const {
    REQUIRE(deploy_.has_value());
    return *deploy_;
  }
  bool deployed() const { return deploy_.has_value(); }
  void SendState(SubtaskId subtask, control::SubtaskState state,
                 absl::Status error = absl::OkStatus(),
                 control::FailureDomain domain = control::FailureDomain::kInternal);
  /// Acknowledges for its subtasks: a state file, and a handle from every subtask of the last task.
  void Ack(CheckpointId id);
  void Confirm(CheckpointId id);
  void EndSources();

  // What it does by itself.
  bool restore = true, sweep = true, run = true, ack = true, confirm = true, probe = true;
  bool cancel = true;  // says that its tasks have ended
  bool report = true;  // what runs, to a leader that did not deploy it
  control::SubtaskState reported_state = control::SubtaskState::kRunning;
  std::optional<absl::Status> restore_error;
  control::FailureDomain restore_domain = control::FailureDomain::kInternal;
  std::vector<checkpoint::SourceSplits::Split> grown_splits;  // found at a restore

  const std::string name;
  std::vector<control::ToTaskManager> inbox;
  std::vector<std::pair<JobId, Attempt>> running;
  std::string build = "b1";
  std::string storage_id;  // empty: what the storage has
  bool closed = false;

 private:
  friend class Harness;
  class Link;
  void Handle(const control::ToTaskManager& message);

  Harness* const harness_;
  const int slots_;
  const Incarnation incarnation_;
  std::shared_ptr<Link> link_;
  std::optional<control::Deploy> deploy_;
};

/// A JobManager in one thread with virtual time, storage and metadata in memory.
class Harness {
 public:
  Harness();
  ~Harness();

  /// Another JobManager process on the same metadata and storage.
  void StartJobManager();
  FakeTaskManager& AddTaskManager(const std::string& name, int slots);
  /// Registers a compiled job under its spec text.
  std::string AddSpec(const std::string& text,
                      const std::function<void(job::JobSpec&)>& change = nullptr);

  absl::StatusOr<JobId> Submit(const std::string& spec, const std::string& from = "");
  JobStatus Status(const std::string& job);
  std::string State(const std::string& job) { return ToString(Status(job).state); }
  void Advance(SteadyMicros micros);
  /// A job that runs on one TaskManager of four slots, name `fraud`.
  FakeTaskManager& RunningJob(const std::function<void(job::JobSpec&)>& change = nullptr);
  /// `--from` that path of the storage.
  static std::string From(const std::string& user_path);
  const JobRecord& Record(const std::string& name) const;
  bool HasFile(const std::string& path) { return storage->ReadUnverified(path).ok(); }

  testing::VirtualLoop loop;
  testing::VirtualWorker io{&loop};
  testing::VirtualWorker background{&loop};
  std::shared_ptr<tests::MemoryStorage> storage = std::make_shared<tests::MemoryStorage>();
  MemoryMetadata metadata;
  std::unique_ptr<MemoryMetadataStore> store;
  std::unique_ptr<JobManager> manager;
  std::vector<std::unique_ptr<FakeTaskManager>> taskmanagers;
  std::vector<absl::Status> deposed;
  JobManagerOptions options;
  absl::Status preflight;  // the answer of the systems outside

  void OnTrigger(const control::TriggerCheckpoint& trigger);

 private:
  friend class FakeTaskManager;
  std::map<std::string, std::shared_ptr<const plan::ExecutionPlan>> specs_;
  std::set<std::string> triggered_;  // job, attempt, id
  uint64_t next_incarnation_ = 1;
};

/// `in` (source) -> hash -> `per_user` (window) -> `out` (file sink); two tasks.
std::shared_ptr<const plan::ExecutionPlan> TestPlan(job::JobSpec spec);

}  // namespace weir::jobmanager
