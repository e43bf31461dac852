#include "tests/simulation/workload/client.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::sim {
namespace {

using jobmanager::CheckpointInfo;
using jobmanager::JobState;
using jobmanager::JobStatus;

constexpr SteadyMicros kAnswerPatience = 30'000'000;
constexpr SteadyMicros kLookInterval = 100'000;
/// One answer in so many is lost with its connection.
constexpr uint64_t kLostAnswers = 20;

template <typename T>
struct Answer {
  std::optional<absl::StatusOr<T>> value;
  runtime::WaitList waiter;
};

}  // namespace

Client::Client(Options options, Simulation* simulation)
    : options_(std::move(options)), simulation_(simulation), rng_(simulation->Stream("client")) {}

template <typename T>
absl::StatusOr<T> Client::Request(const char* what, const Ask<T>& ask) {
  simulation_->AwaitBetween(200, 5'000);
  const Leader leader = options_.leader();
  if (leader.api == nullptr) return absl::UnavailableError("no JobManager answers");
  simulation_->Trace("client asks", what);
  auto answer = std::make_shared<Answer<T>>();
  const bool lost = rng_.Below(kLostAnswers) == 0;
  simulation_->SpawnIn(leader.process, "rpc", [this, answer, ask, lost, api = leader.api] {
    ask(*api, [this, answer, lost](absl::StatusOr<T> value) {
      if (lost) value = absl::UnavailableError("the connection broke");
      simulation_->After(1'000, [this, answer, value = std::move(value)] {
        answer->value = value;
        simulation_->Wake(&answer->waiter, true);
      });
    });
  });
  const SteadyMicros until = simulation_->Now() + kAnswerPatience;
  while (!answer->value) {
    simulation_->Block(&answer->waiter, kLookInterval);
    if (answer->value) break;
    if (!simulation_->Alive(leader.process)) return absl::UnavailableError("the JobManager is gone");
    if (simulation_->Now() >= until) return absl::UnavailableError("no answer");
  }
  return std::move(*answer->value);
}

absl::StatusOr<JobStatus> Client::Status(const std::string& job) {
  return Request<JobStatus>("status", [job](jobmanager::JobApi& api, auto done) { api.Get(job, std::move(done)); });
}

bool Client::InTime(const char* what) {
  if (simulation_->Now() < options_.quiet_at + options_.patience) return true;
  violations_.push_back({"O7", absl::StrCat("not in time after the last fault: ", what)});
  return false;
}

std::optional<JobId> Client::Submit(int leg, int32_t parallelism, const std::string& from) {
  const std::string name = absl::StrCat("job-", leg);
  const auto spec = SpecOf(JobFileOf(options_.workload, leg, parallelism), *options_.catalog);
  if (!spec.ok()) {
    violations_.push_back({"workload", std::string(spec.status().message())});
    return std::nullopt;
  }
  while (InTime("a job is taken")) {
    const absl::StatusOr<JobId> id =
        Request<JobId>("submit", [&spec, &from](jobmanager::JobApi& api, auto done) {
          jobmanager::SubmitRequest request;
          request.spec = *spec;
          request.from = from;
          api.Submit(std::move(request), std::move(done));
        });
    if (id.ok()) return *id;
    simulation_->Trace("submit:", std::string(id.status().message()));
    if (absl::IsInvalidArgument(id.status())) {
      violations_.push_back({"workload", std::string(id.status().message())});
      return std::nullopt;
    }
    // Perhaps it was taken: a job that was recorded has its name, whatever became of the answer.
    while (InTime("a status is answered")) {
      const absl::StatusOr<JobStatus> status = Status(name);
      if (status.ok() && !(status->state == JobState::kFailed && absl::IsResourceExhausted(id.status()))) {
        return status->id;
      }
      if (!absl::IsUnavailable(status.status())) break;
      Pause();
    }
    Pause();
  }
  return std::nullopt;
}

void Client::TakeSavepoint(const JobId& job) {
  const auto saved = Request<CheckpointInfo>(
      "savepoint", [&job](jobmanager::JobApi& api, auto done) { api.Savepoint(job.value, std::move(done)); });
  simulation_->Trace("savepoint:", saved.ok() ? saved->path : std::string(saved.status().message()));
}

void Client::AskToEnd(const JobId& job, bool stop) {
  while (InTime("a job is ended on request")) {
    absl::Status answered;
    if (stop) {
      answered = Request<CheckpointInfo>("stop", [&job](jobmanager::JobApi& api, auto done) {
                   api.Stop(job.value, std::move(done));
                 }).status();
    } else {
      answered = Request<JobStatus>("cancel", [&job](jobmanager::JobApi& api, auto done) {
                   api.Cancel(job.value, std::move(done));
                 }).status();
    }
    if (!absl::IsUnavailable(answered)) return;  // done, or it ended otherwise
    const auto status = Status(job.value);
    if (status.ok() && jobmanager::IsEnded(status->state)) return;
    Pause();
  }
}

void Client::AwaitRecovery(const JobId& job) {
  int64_t before = -1;
  while (InTime("a running job completes a checkpoint")) {
    const auto status = Status(job.value);
    if (status.ok()) {
      const int64_t last = status->last_checkpoint ? status->last_checkpoint->id.value : 0;
      if (before < 0) before = last;
      if (jobmanager::IsEnded(status->state)) return;
      if (status->state == JobState::kRunning && last > before) {
        recovered_in_ = simulation_->Now() - options_.quiet_at;
        return;
      }
    }
    Pause();
  }
}

std::optional<JobStatus> Client::AwaitEnd(const JobId& job, SteadyMicros until) {
  while (true) {
    const auto status = Status(job.value);
    if (status.ok() && jobmanager::IsEnded(status->state)) return *status;
    if (simulation_->Now() >= until) return std::nullopt;
    simulation_->Await(std::min<SteadyMicros>(300'000, std::max<SteadyMicros>(1, until - simulation_->Now())));
  }
}

std::string Client::RunLeg(const JobId& job, int32_t* parallelism) {
  bool restores = false;
  std::optional<JobStatus> ended;
  while (next_step_ < options_.workload.steps.size()) {
    const Workload::Step& step = options_.workload.steps[next_step_];
    ended = AwaitEnd(job, step.at);
    if (ended) break;
    ++next_step_;
    simulation_->Trace("client:", ToString(step.action));
    if (step.action == Workload::Action::kSavepoint) {
      TakeSavepoint(job);
      continue;
    }
    AskToEnd(job, step.action == Workload::Action::kStop || step.action == Workload::Action::kStopAndRestore);
    restores = step.action >= Workload::Action::kStopAndRestore;
    *parallelism = step.parallelism;
    break;
  }
  if (!ended && !restores && next_step_ == options_.workload.steps.size()) {
    ended = AwaitEnd(job, options_.quiet_at);
    if (!ended && !options_.workload.records) {
      AwaitRecovery(job);
      AskToEnd(job, /*stop=*/true);
    }
  }
  if (!ended) ended = AwaitEnd(job, options_.quiet_at + options_.patience);
  if (!ended) {
    InTime("a job ends");
    return "";
  }
  Leg leg;
  leg.job = job;
  leg.end = ended->state;
  if (ended->failure) leg.failure = std::string(ended->failure->status.message());
  if (ended->last_checkpoint) leg.last_checkpoint = ended->last_checkpoint->id;
  leg.pending_handles = !ended->pending.empty();
  simulation_->Trace("job ended:", jobmanager::ToString(leg.end), leg.last_checkpoint.value, leg.failure);
  legs_.push_back(std::move(leg));
  if (!restores) return "";
  if (ended->state == JobState::kStopped && !ended->savepoints.empty()) return ended->savepoints.back().path;
  if (ended->state == JobState::kCancelled && ended->last_checkpoint) return ended->last_checkpoint->path;
  return "";
}

void Client::Run() {
  int32_t parallelism = options_.workload.parallelism;
  std::string from;
  for (int leg = 0;; ++leg) {
    const std::optional<JobId> job = Submit(leg, parallelism, from);
    if (!job) break;
    from = RunLeg(*job, &parallelism);
    if (from.empty()) break;
  }
  done_ = true;
  simulation_->Trace("client is done");
}

}  // namespace weir::sim
