#include "client/verb/run.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>

#include "client/await.h"
#include "client/cluster/embedded_cluster.h"
#include "client/exit_code.h"
#include "client/job_file.h"
#include "client/run_decision.h"
#include "client/verb/answers.h"
#include "client/verb/follow_job.h"
#include "common/base/status_macros.h"

namespace weir::client {
namespace {

namespace fs = std::filesystem;
using jobmanager::CheckpointInfo;
using jobmanager::JobStatus;

constexpr int64_t kSubmitMs = 120'000;
// What the TaskManagers share, unless the machine has less than twice as much.
constexpr int64_t kMemory = int64_t{4} << 30;

int64_t Memory() {
  const int64_t physical = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  return physical > 0 ? std::min(kMemory, physical / 2) : kMemory;
}

// The folder of a run; a temporary one goes with it unless something in it is still wanted.
class StateFolder {
 public:
  static absl::StatusOr<StateFolder> Open(const std::string& given) {
    StateFolder folder;
    if (!given.empty()) {
      std::error_code error;
      folder.path_ = fs::absolute(given, error).lexically_normal().string();
      fs::create_directories(folder.path_, error);
      if (error) {
        return absl::FailedPreconditionError("--state-dir " + given +
                                             " cannot be made: " + error.message());
      }
      return folder;
    }
    std::error_code error;
    std::string pattern = (fs::temp_directory_path(error) / "weir-run-XXXXXX").string();
    if (error || mkdtemp(pattern.data()) == nullptr) {
      return absl::FailedPreconditionError(
          "no temporary folder can be made; give one with --state-dir DIR");
    }
    folder.path_ = pattern;
    folder.temporary_ = true;
    return folder;
  }
  const std::string& path() const { return path_; }
  bool temporary() const { return temporary_; }
  void RemoveIfTemporary() {
    std::error_code ignored;
    if (temporary_) fs::remove_all(path_, ignored);
  }
  // The spec that the unfinished job of the folder was submitted with.
  bool HasSpec(const std::string& spec) const {
    std::ifstream file(path_ + "/job.spec", std::ios::binary);
    return file && std::string(std::istreambuf_iterator<char>(file), {}) == spec;
  }
  void KeepSpec(const std::string& spec) const {
    // Replaced as a whole: a run that is killed here finds the former one, and the former job.
    const std::string temporary = path_ + "/job.spec.new";
    std::ofstream(temporary, std::ios::binary) << spec;
    std::error_code ignored;
    fs::rename(temporary, path_ + "/job.spec", ignored);
  }

 private:
  std::string path_;
  bool temporary_ = false;
};

// Where a job that was stopped, or failed, goes on; empty when it has no checkpoint.
absl::StatusOr<std::string> NewestCheckpoint(const Context& context, const JobId& job) {
  using List = std::vector<CheckpointInfo>;
  ASSIGN_OR_RETURN(JobStatus status, GetStatus(context, job.value));
  ASSIGN_OR_RETURN(List list, Await<List>(
                                  [&](jobmanager::Done<List> done) {
                                    context.api->Checkpoints(job.value, std::move(done));
                                  },
                                  kAnswerMs, context.interrupts));
  const CheckpointInfo* newest = nullptr;
  for (const CheckpointInfo& checkpoint : list) {
    if (newest == nullptr || checkpoint.id >= newest->id) newest = &checkpoint;
  }
  // Of a savepoint and the checkpoint that it is a copy of, the copy: nothing in it is unresolved.
  for (const CheckpointInfo& savepoint : status.savepoints) {
    if (newest == nullptr || savepoint.id >= newest->id) newest = &savepoint;
  }
  return newest == nullptr ? std::string() : newest->path;
}

absl::StatusOr<JobId> StartOrResume(const Context& context, const JobFile& file,
                                    const StateFolder& folder,
                                    const std::function<absl::Status()>& start_taskmanagers) {
  using Jobs = std::vector<jobmanager::JobSummary>;
  ASSIGN_OR_RETURN(
      Jobs jobs,
      Await<Jobs>([&](jobmanager::Done<Jobs> done) { context.api->List(std::move(done)); },
                  kAnswerMs, context.interrupts));
  const std::string spec = Serialize(file);
  ASSIGN_OR_RETURN(RunDecision decision, DecideRun(jobs, file.spec->name, folder.HasSpec(spec)));
  if (decision.kind == RunDecision::Kind::kResume) {
    *context.err << "job " << file.spec->name << " goes on from its last checkpoint in "
                 << folder.path() << "\n";
    RETURN_IF_ERROR(start_taskmanagers());
    return decision.job;
  }
  jobmanager::SubmitRequest request;
  request.spec = spec;
  if (decision.kind == RunDecision::Kind::kContinue) {
    ASSIGN_OR_RETURN(request.from, NewestCheckpoint(context, decision.job));
    if (!request.from.empty()) {
      *context.err << "job " << file.spec->name << " goes on from " << request.from << "\n";
    }
  }
  folder.KeepSpec(spec);
  RETURN_IF_ERROR(start_taskmanagers());
  return Await<JobId>(
      [&](jobmanager::Done<JobId> done) {
        context.api->Submit(std::move(request), std::move(done));
      },
      kSubmitMs, context.interrupts);
}

// Ctrl-C: a savepoint, then 130. Nothing when the job goes its own way meanwhile.
int StopWithSavepoint(const Context& context, const JobId& id, FollowedJob& followed,
                      const StateFolder& folder, const Arguments& arguments, bool* keep_folder) {
  *context.err << "taking a savepoint; Ctrl-C again leaves at once\n";
  auto savepoint = std::make_shared<std::optional<absl::StatusOr<CheckpointInfo>>>();
  auto mutex = std::make_shared<std::mutex>();
  context.api->Stop(id.value, [savepoint, mutex](absl::StatusOr<CheckpointInfo> answer) {
    std::lock_guard lock(*mutex);
    *savepoint = std::move(answer);
  });
  FollowOutcome outcome = followed.Follow(id);
  if (outcome.end == FollowEnd::kInterrupted) {
    *keep_folder = true;
    *context.err << "left without a savepoint; the next run with --state-dir " << folder.path()
                 << " goes on from the last checkpoint\n";
    return kExitInterrupted;
  }
  if (!outcome.status || outcome.end == FollowEnd::kFailed) return Fail(context, outcome.error);
  if (outcome.status->state != jobmanager::JobState::kStopped) {
    const int code = followed.Report(*outcome.status);
    return code == kExitDone ? kExitInterrupted : code;
  }
  followed.PrintJson(*outcome.status);
  *keep_folder = true;
  std::string path =
      outcome.status->savepoints.empty() ? "" : outcome.status->savepoints.back().path;
  {
    std::lock_guard lock(*mutex);
    if (path.empty() && *savepoint && (*savepoint)->ok()) path = (**savepoint)->path;
  }
  *context.err << "savepoint " << path << "\ngo on with: weir run " << arguments.job_file
               << " --state-dir " << folder.path() << "\n";
  return kExitInterrupted;
}

}  // namespace

int Run(Context context, const Arguments& arguments, const job::ConnectorCatalog& catalog,
        const taskmanager::ConnectorRegistry& registry) {
  absl::StatusOr<JobFile> file = LoadJobFile(arguments.job_file, arguments.parallelism, catalog);
  if (!file.ok()) return Fail(context, file.status());
  if (!file->diagnostics.ok()) return ReportDiagnostics(context, *file);
  absl::StatusOr<StateFolder> folder = StateFolder::Open(arguments.state_dir);
  if (!folder.ok()) return Fail(context, folder.status());
  absl::StatusOr<std::unique_ptr<EmbeddedCluster>> cluster =
      EmbeddedCluster::Start(folder->path(), context.clock, &catalog, &registry);
  if (!cluster.ok()) {
    folder->RemoveIfTemporary();
    PrintError(context, std::string(cluster.status().message()));
    return cluster.status().code() == absl::StatusCode::kFailedPrecondition ? kExitRefused
                                                                            : kExitFailed;
  }
  context.api = &(*cluster)->api();
  FollowedJob followed(context, *file, arguments.json);
  const int slots_each = (file->plan->slots + arguments.taskmanagers - 1) / arguments.taskmanagers;
  auto start_taskmanagers = [&] {
    return (*cluster)->StartTaskManagers(arguments.taskmanagers, slots_each,
                                         Memory() / arguments.taskmanagers);
  };
  int code = kExitDone;
  bool keep_folder = false;
  absl::StatusOr<JobId> id = StartOrResume(context, *file, *folder, start_taskmanagers);
  if (!id.ok()) {
    code = FailSubmit(context, *file, id.status());
  } else {
    FollowOutcome outcome = followed.Follow(*id);
    if (outcome.end == FollowEnd::kInterrupted) {
      code = StopWithSavepoint(context, *id, followed, *folder, arguments, &keep_folder);
    } else if (outcome.status && outcome.end == FollowEnd::kEnded) {
      code = followed.Report(*outcome.status);
    } else {
      code = Fail(context, outcome.error);
    }
  }
  // A user who interrupts twice does not wait for threads: the process leaves with them running.
  if (context.interrupts->count() < 2) {
    (*cluster)->Stop();
  } else {
    cluster->release();
  }
  if (!keep_folder) folder->RemoveIfTemporary();
  return code;
}

}  // namespace weir::client
